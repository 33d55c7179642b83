"""What a training dock does in the background. No Qt here; torch is imported when it runs."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_lbn.engine.errors import Cancelled, MemoryBoundError
from napari_lbn.engine.events import Event, Progress, raise_if_cancelled

from .preparing import TrainingRequest, gather_data, with_preview, write_down

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_lbn.engine.events import CancelToken, Job
    from napari_lbn.engine.network import LBN
    from napari_lbn.engine.tilt_series import TiltSeries
    from napari_lbn.engine.training.configuration import Configuration
    from napari_lbn.engine.training.folder.run import TrainingData, TrainingResult
    from napari_lbn.engine.training.plan import TrainingPlan

    from .control import TrainingControl
    from .options import TrainingOptions

ONE_PLAN = threading.Lock()
"""torch registers what its meta device needs when that is used first, which two threads at
once do not survive."""
OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError")


@dataclass(frozen=True, kw_only=True)
class TrainingBegins(Event):
    """Everything is ready; the first step follows."""

    epochs: int
    steps: int


def plan(
    series: tuple[TiltSeries, ...], options: TrainingOptions, cancel: CancelToken
) -> Job[TrainingPlan]:
    """What a training would cost."""
    from napari_lbn.engine.training.plan import plan_training
    from napari_lbn.engine.training.sources import name_series

    from .options import configure

    yield from ()
    with ONE_PLAN:
        raise_if_cancelled(cancel)  # while it waited, the user asked for something else
        named = name_series(series)
        return plan_training(configure(options, named), named, options.minutes)


def train(
    request: TrainingRequest, control: TrainingControl, cancel: CancelToken
) -> Job[TrainingResult]:
    """Train in the request's folder.

    Cancelling removes a training that this job began and leaves one that it went on with
    where its last checkpoint is.

    Yields
    ------
    Progress, PreviewReady, TrainingBegins
        While it prepares; then everything that `fit` yields.
    """
    from napari_lbn.engine.training.folder.files import LAST
    from napari_lbn.engine.training.folder.summary import discard_run

    failed_for_memory = False
    try:
        return (yield from _train(request, control, cancel))
    except Cancelled:
        if request.options is not None:
            discard_run(request.folder)
        raise
    except Exception as error:
        if request.options is not None and not (request.folder / LAST).exists():
            discard_run(request.folder)
        forget_frames(error)
        if type(error).__name__ not in OUT_OF_MEMORY:
            raise
        failed_for_memory = True
    finally:
        control.over.set()
    # outside of the handler, so that the error does not keep the tensors alive
    assert failed_for_memory
    raise MemoryBoundError(
        "The memory was not enough for this training.",
        "Choose a smaller crop (Advanced), another device, or close other programs.",
    )


def forget_frames(error: BaseException | None) -> None:
    """Let go of what an error and its causes hold: the frames of a training hold its tensors."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _train(
    request: TrainingRequest, control: TrainingControl, cancel: CancelToken
) -> Job[TrainingResult]:
    from napari_lbn.engine.training.folder.run import fit

    yield _stage("Preparing the tilt series")
    network, configuration, data = gather_data(request)
    raise_if_cancelled(cancel)
    if data.hold_outs:
        yield _stage("Looking at the preview before training")
        data, before = with_preview(network, configuration, data)
        yield before
        data = replace(data, preview=_unless_stopping(data.preview, control))
    if request.options is not None:
        if request.options.minutes is not None:
            yield _stage("Timing a few steps")
            configuration = _timed(network, configuration, data, request.options.minutes)
        _raise_if_stopped(control, cancel)
        write_down(request, configuration)
    run = configuration.run
    yield TrainingBegins(epochs=run.epochs, steps=run.steps_per_epoch)
    job = fit(
        network,
        data,
        configuration.training,
        run,
        request.folder,
        resume=request.options is None,
        stop=control.stop,
    )
    try:
        return (yield from _watched(job, control, cancel))
    finally:
        job.close()


def _watched(
    job: Job[TrainingResult], control: TrainingControl, cancel: CancelToken
) -> Job[TrainingResult]:
    """The job's events; pausing is not asking for the next one."""
    while True:
        try:
            event = next(job)
        except StopIteration as stop:
            return stop.value
        yield event
        control.wait(cancel)
        raise_if_cancelled(cancel)


def _unless_stopping(preview: Any, control: TrainingControl) -> Callable[[LBN, int], Event]:
    """No preview for whoever wants to go: stopping is quick."""

    def show(network: LBN, epoch: int) -> Event:
        return _stage("Stopping") if control.stop.is_set() else preview(network, epoch)

    return show


def _timed(
    network: LBN, configuration: Configuration, data: TrainingData, minutes: float
) -> Configuration:
    from napari_lbn.engine.training.plan import fit_to_time

    return fit_to_time(network, data, configuration, minutes)


def _raise_if_stopped(control: TrainingControl, cancel: CancelToken) -> None:
    """Before the first step there is nothing to keep: stopping is cancelling."""
    raise_if_cancelled(cancel)
    if control.stop.is_set():
        raise Cancelled


def _stage(text: str) -> Progress:
    return Progress(stage=text, done=0, total=1, fraction=0.0)

"""One training from the click to its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Event, Progress
from napari_lbn.engine.tilt_series import TiltSeries

from ..background import as_job
from ..jobs import JobRunner
from ..messages import notify_error
from . import jobs
from .control import TrainingControl
from .jobs import TrainingBegins
from .kept import open_run
from .known import KnownRuns, choose_folder
from .pace import Pace
from .preparing import TrainingRequest
from .status import TrainingStatus
from .verdict import judge

FAREWELL = 10.0
"""Seconds that closing napari waits for a training to write its checkpoint."""


class TrainingController(QObject):
    """Runs trainings and writes what happens into the status.

    Signals
    -------
    previewed(object)
        `PreviewReady` of the weights at the start, then of each epoch.
    ended()
        A training is over, one way or another.
    """

    previewed = Signal(object)
    ended = Signal()

    def __init__(
        self, status: TrainingStatus, known: KnownRuns, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._status = status
        self._known = known
        self._control = TrainingControl()
        self._pace = Pace()
        self._fresh = True
        self.runner = JobRunner(self)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self.opener = JobRunner(self)
        self.opener.succeeded.connect(self._on_opened)
        self.opener.failed.connect(notify_error)

    def start(self, series: tuple[TiltSeries, ...]) -> None:
        """Begin a training on these series with the status's options."""
        status = self._status
        if status.running or status.plan is None or not series:
            return
        options, first = status.options, series[0]
        source = None if first.source is None else Path(first.source)
        try:
            folder = choose_folder(first.name, options.folder, source)
        except LBNError as error:
            notify_error(error)
            return
        self._run(TrainingRequest(folder=folder, series=series, options=options))

    def resume(self, folder: Path, opened: tuple[TiltSeries, ...]) -> None:
        """Go on with the training in a folder; `opened` stand in for files that are gone."""
        if not self._status.running:
            self._run(TrainingRequest(folder=folder, series=opened))

    def open(self, folder: Path) -> None:
        """Show the training in a folder."""
        if not self._status.running:
            self.opener.start(as_job(open_run, folder))

    def pause(self) -> None:
        """Wait after the step at hand."""
        if self._status.phase == "training":
            self._control.pause()
            self._pace.pause()
            self._status.phase = "paused"

    def go_on(self) -> None:
        """End a pause."""
        if self._status.phase == "paused":
            self._status.phase = "training"
            self._pace.go_on()
            self._control.go_on()

    def stop(self) -> None:
        """End after the step at hand and keep the best weights and the checkpoint."""
        if self._status.running:
            self._status.phase = "stopping"
            self._control.finish()

    def cancel(self) -> None:
        """End and keep nothing; a training that was resumed stays at its last checkpoint."""
        if self._status.running:
            self._status.phase = "stopping"
            self.runner.cancel()

    def farewell(self) -> None:
        """Napari closes: stop with a checkpoint, and wait for it a little."""
        if self._status.running:
            self._control.finish()
            self._control.over.wait(FAREWELL)

    def read_folder(self) -> None:
        """Show what the folder of the training that is shown holds now."""
        from napari_lbn.engine.training.curves import Curves
        from napari_lbn.engine.training.summary import kept_weights

        status = self._status
        if status.folder is not None and status.folder.is_dir():
            status.weights = kept_weights(status.folder)
            status.curves = Curves.read(status.folder)

    def _run(self, request: TrainingRequest) -> None:
        status, control = self._status, TrainingControl()
        self._control = control
        self._fresh = request.options is not None
        status.show_folder(request.folder)
        status.stage = "Starting"
        status.phase = "preparing"
        self._pace.restart()
        self.runner.start(lambda cancel: jobs.train(request, control, cancel))

    def _on_event(self, event: Event) -> None:
        # loaded by the worker before its first event
        from napari_lbn.engine.training.preview import PreviewReady
        from napari_lbn.engine.training.run_events import (
            BaselinesReady,
            EpochFinished,
            StepFinished,
        )

        if isinstance(event, TrainingBegins):
            self._on_begin(event)
        elif isinstance(event, StepFinished):
            self._on_step(event)
        elif isinstance(event, Progress):
            self._status.stage = event.stage
        elif isinstance(event, PreviewReady):
            self.previewed.emit(event)
        elif isinstance(event, BaselinesReady | EpochFinished):
            self.read_folder()

    def _on_opened(self, run: Any) -> None:
        status = self._status
        if status.running:
            return
        self._known.add(run.folder)
        status.show_folder(run.folder)
        status.epoch, status.epochs = run.epoch, run.configuration.run.epochs
        status.resumable = run.resumable
        self.read_folder()
        self.ended.emit()

    def _on_begin(self, event: TrainingBegins) -> None:
        status = self._status
        status.epochs = event.epochs
        assert status.folder is not None
        self._known.add(status.folder)
        if status.phase == "preparing":
            status.phase = "training"
        status.stage = "Validating the baselines"

    def _on_step(self, event: Any) -> None:
        status = self._status
        status.losses.append((event.fraction * status.epochs, event.loss))
        status.stage = event.stage
        status.seconds_left = self._pace.seconds_left(event.fraction)
        status.fraction = event.fraction
        status.step += 1

    def _on_succeeded(self, result: Any) -> None:
        status = self._status
        if result.finished:
            text = f"Done: {result.epoch} epoch{'s' * (result.epoch > 1)}."
        else:
            text = f"Stopped after epoch {result.epoch} of {status.epochs}; it can be resumed."
        self.read_folder()
        text = f"{text} {judge(status.weights, status.curves)}".strip()
        self._end(f"{text} Everything is in {status.folder}.", resumable=not result.finished)
        self._draw_curves()

    def _on_failed(self, error: LBNError) -> None:
        notify_error(error)
        self._end(str(error), resumable=self._has_checkpoint())

    def _on_cancelled(self) -> None:
        if self._fresh and self._status.folder is not None:
            self._known.remove(self._status.folder)
            self._status.show_folder(None)
            self._end("Cancelled; nothing was kept of this training.", resumable=False)
        else:
            text = "Cancelled; the training is where its last checkpoint was."
            self._end(text, resumable=self._has_checkpoint())

    def _has_checkpoint(self) -> bool:
        from napari_lbn.engine.training.run_folder import LAST

        folder = self._status.folder
        return folder is not None and (folder / LAST).is_file()

    def _end(self, outcome: str, *, resumable: bool) -> None:
        from napari_lbn.engine.device import release_memory

        release_memory()
        status = self._status
        status.seconds_left = None
        status.resumable = resumable
        status.phase = "idle"
        status.outcome = outcome
        self.read_folder()
        self.ended.emit()

    def _draw_curves(self) -> None:
        """The same picture beside the log as the command line leaves there."""
        from napari_lbn.engine.errors import OutputError
        from napari_lbn.engine.training.curves import write_curves

        folder = self._status.folder
        if folder is not None and self._status.curves is not None and self._status.curves.epochs:
            try:
                write_curves(folder)
            except OutputError as error:
                notify_error(error)

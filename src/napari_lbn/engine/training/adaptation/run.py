"""Quick self-supervised adaptation of weights to one tilt series, within a bound of time.

The network learns to predict some of the series' own tilts from the others, as in training
(paper, section 3.1). Some tilts never train: they choose the best state on the way, and
where none is better than the weights it began with, those are what is kept.
"""

from __future__ import annotations

import copy
import math
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ...device import is_out_of_memory, release_memory
from ...errors import MemoryBoundError
from ...events import CancelToken, Event, Job, Progress, raise_if_cancelled
from ..optimisation.state import TrainingDivergedError, TrainingState
from ..optimisation.trainer import prefetch
from ..validation import as_training_series
from .check import AdaptationCheck, AdaptationScores, choose_validation
from .result import Adaptation, AdaptationScored

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ...network import LBN
    from ...tilt_series import TiltSeries
    from ..examples.draw import Example
    from .settings import AdaptationSettings

STAGE = "Adapting to this series"
CHECKS = 8
"""Times that the state on the way is compared with the best one."""


def adapt(
    series: TiltSeries,
    network: LBN,
    settings: AdaptationSettings,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[Adaptation]:
    """Adapt a network to the included tilts of a series; nothing is written.

    Parameters
    ----------
    series : TiltSeries
        At a pixel size that the weights know. Excluded tilts take no part.
    network : LBN
        Left as it is.
    settings : AdaptationSettings
        How long, and how.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at the next step.

    Yields
    ------
    Progress, AdaptationScored

    Raises
    ------
    InputError
        Too few tilts to keep some from training.
    MemoryBoundError
        The device has too little memory.
    """
    began = time.monotonic()
    training, held = choose_validation(series, settings.hold_out_every)
    run = _Run(training, network, settings, AdaptationCheck(training, held, settings.thickness))
    try:
        for event in run.events(began, cancel):
            if isinstance(event, Progress):
                share = fractions[0] + (fractions[1] - fractions[0]) * event.fraction
                yield replace(event, fraction=share)
            else:
                yield event
        return run.result(series, held, time.monotonic() - began)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryBoundError(
            f"{series.name}: the memory does not suffice to adapt the weights.",
            "Run without adapting, or choose the CPU as device.",
        ) from error
    finally:
        del run
        release_memory()


class _Run:
    """One adaptation: the state that its stages share."""

    def __init__(
        self,
        training: TiltSeries,
        network: LBN,
        settings: AdaptationSettings,
        check: AdaptationCheck,
    ) -> None:
        self.settings, self.check, self.original = settings, check, network
        self.state = TrainingState(copy.deepcopy(network), settings.for_training())
        self.series = as_training_series(training, settings.thickness)
        self.limit = 60 * settings.minutes
        self.best: LBN | None = None
        self.best_step = 0
        self.before: AdaptationScores | None = None
        self.after: AdaptationScores | None = None

    def events(self, began: float, cancel: CancelToken | None) -> Iterator[Event]:
        """Steps until the time is over, compared with the best state now and then."""
        yield self._progress(0.0)
        yield self._compare(began)
        checking = time.monotonic() - began
        due = [self.limit * (i + 1) / CHECKS for i in range(CHECKS - 1)]
        drawn = prefetch(lambda: [self.series], self.state.settings, _no_noise)
        examples = cast("Generator[Example]", drawn)
        longest = 0.0
        with closing(examples):
            while not self._is_over(time.monotonic() - began + longest + checking):
                raise_if_cancelled(cancel)
                start = time.monotonic()
                if not self._step(examples, (start - began) / self.limit):
                    return
                longest = max(time.monotonic() - start, 0.9 * longest)
                yield self._progress(time.monotonic() - began)
                if due and time.monotonic() - began >= due[0]:
                    due.pop(0)
                    yield self._compare(began)
        yield self._compare(began)
        yield self._progress(self.limit)

    def _is_over(self, seconds: float) -> bool:
        steps = self.settings.steps
        return seconds > self.limit or (steps is not None and self.state.step_count >= steps)

    def _step(self, examples: Iterator[Example], share: float) -> bool:
        """One step; False where the loss is no number and nothing better can come."""
        state = self.state
        state.rate = self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        try:
            state.step(examples)
        except TrainingDivergedError:
            return False
        return True

    def _compare(self, began: float) -> AdaptationScored:
        scores = self.check.scores(self.state.average)
        if self.before is None:
            self.before = self.after = scores
        assert self.after is not None
        best = scores.better_than(self.after, self.before)
        if best:
            self.after, self.best_step = scores, self.state.step_count
            self.best = copy.deepcopy(self.state.average)
        return AdaptationScored(
            seconds=time.monotonic() - began, step=self.state.step_count, scores=scores, best=best
        )

    def _progress(self, seconds: float) -> Progress:
        share = min(seconds / self.limit, 1.0)
        return Progress(stage=STAGE, done=round(100 * share), total=100, fraction=share)

    def result(self, series: TiltSeries, held: list[int], seconds: float) -> Adaptation:
        """The best state on the CPU, and how it came about."""
        assert self.before is not None
        assert self.after is not None
        improved = self.best is not None
        network = self.original if self.best is None else self.best.to("cpu").eval()
        record = {
            "used": improved,
            "minutes": self.settings.minutes,
            "seconds": round(seconds, 1),
            "steps": self.state.step_count,
            "best_step": self.best_step,
            "learning_rate": self.settings.learning_rate,
            "crop": self.settings.crop,
            "precision": self.state.settings.precision,
            "kept_from_training": [round(float(series.angles[i]), 4) for i in held],
            "before": self.before.as_record(),
            "after": self.after.as_record(),
        }
        return Adaptation(network=network, improved=improved, record=record)


def _no_noise(*_: Any) -> Any:
    raise AssertionError("a measured series brings its own noise")

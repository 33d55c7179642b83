"""The loop of a training in a folder: steps, epochs, validation, checkpoints."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ..optimisation.state import StepLoss, TrainingDivergedError, TrainingState
from ..optimisation.trainer import prefetch
from ..settings import steps_per_epoch
from ..validation import score_network, score_predictor
from .events import BaselinesReady, EpochFinished, StepFinished, TrainingResult
from .files import RunFolder
from .log import write_baselines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ...events import CancelToken, Job
    from ...network import LBN
    from ..data import TrainingData
    from ..settings import RunSettings, TrainingSettings
    from ..validation import Scores


@dataclass(kw_only=True)
class _Progress:
    """The loop's own state, part of a checkpoint."""

    epoch: int = 0
    best_loss: float | None = None
    seconds: float = 0.0
    mse: list[float] = field(default_factory=list)
    critic: list[float] = field(default_factory=list)

    def add(self, loss: StepLoss) -> None:
        self.mse.append(loss.mse)
        self.critic.append(loss.critic)


class TrainingLoop:
    """One training: the state that its stages share.

    Parameters
    ----------
    network, data, training, run, folder
        As `run.fit` takes them.

    Raises
    ------
    InputError
        Nothing to train on, or no validation where the schedule needs it.
    """

    def __init__(
        self,
        network: LBN,
        data: TrainingData,
        training: TrainingSettings,
        run: RunSettings,
        folder: Path,
    ) -> None:
        if not data.series:
            raise InputError("There is no series to train on.", "Name tilt series or a folder.")
        if training.schedule == "plateau" and not data.hold_outs:
            raise InputError(
                "The plateau schedule needs validation, and no tilts are held out.",
                "Hold out every 8th tilt, or choose another schedule.",
            )
        self.data, self.run = data, run
        self.epoch_steps = steps_per_epoch(run, training, len(data.series))
        self.total = run.epochs * self.epoch_steps
        self.state = TrainingState(network, replace(training, steps=self.total))
        self.workers = self.state.workers
        self.progress = _Progress()
        self.folder = RunFolder(folder, run, len(data.series))

    def prepare(self, *, resume: bool) -> None:
        """Go to where the checkpoint is, if there is one, and open the log."""
        self.progress = _Progress(**self.folder.start(self.state, resume=resume))
        if self.workers.lead:
            self.folder.open_log(self.state)

    def baselines(self) -> BaselinesReady:
        """Score and keep what needs no training."""
        cases, predictors = self.data.hold_outs, self.data.baselines
        scores = {name: score_predictor(p, cases) for name, p in predictors.items()}
        write_baselines(self.folder.path, scores)
        return BaselinesReady(scores=scores)

    def events(self, stop: CancelToken | None) -> Job[TrainingResult]:
        """Train to the end, or until told to stop."""
        state, progress = self.state, self.progress
        examples = prefetch(
            lambda: self.data.series,
            state.settings,
            self.data.add_noise,
            first=state.examples_drawn,
            workers=self.workers,
        )
        started, saved = time.monotonic() - progress.seconds, time.monotonic()
        while state.step_count < self.total:
            if self.workers.any(stop is not None and stop.is_set()):
                self.save()
                return self.result(finished=False)
            self.take_step(examples)
            progress.seconds = time.monotonic() - started
            yield StepFinished(
                stage=f"Epoch {progress.epoch + 1} of {self.run.epochs}",
                done=(state.step_count - 1) % self.epoch_steps + 1,
                total=self.epoch_steps,
                fraction=state.step_count / self.total,
                loss=progress.mse[-1],
            )
            if state.step_count % self.epoch_steps == 0:
                yield self.end_epoch()
                if self.data.preview is not None and self.workers.lead:
                    yield self.data.preview(state.average, progress.epoch)
                saved = time.monotonic()
            elif time.monotonic() - saved > 60 * self.run.checkpoint_minutes:
                self.save()
                saved = time.monotonic()
        return self.result(finished=True)

    def take_step(self, examples: Iterator[Any]) -> None:
        """One step; a loss that is not a number names the checkpoint to go back to."""
        try:
            self.progress.add(self.state.step(examples))
        except TrainingDivergedError as error:
            last = self.folder.checkpoint
            kept = f"The last good checkpoint is {last}." if last.exists() else ""
            raise TrainingDivergedError(error.message, f"{kept} {error.remedy}".strip()) from error

    def end_epoch(self) -> EpochFinished:
        """Validate, adapt the rate, keep the best, log and save."""
        state, progress = self.state, self.progress
        scores = self.validate()
        loss, critic = float(np.mean(progress.mse)), float(np.mean(progress.critic))
        progress.mse, progress.critic = [], []
        judged = loss if scores is None else scores.mse
        best = progress.best_loss is None or judged < progress.best_loss
        progress.epoch += 1
        if best:
            progress.best_loss = judged
        state.end_of_epoch(judged)
        event = EpochFinished(
            epoch=progress.epoch,
            step=state.step_count,
            loss=loss,
            critic=critic,
            scores=scores,
            learning_rate=state.current_rate(),
            seconds=progress.seconds,
            best=best,
        )
        if self.workers.lead:
            self.folder.end_epoch(state, asdict(progress), event)
        return event

    def validate(self) -> Scores | None:
        """Scores of the averaged weights, the same in every process."""
        cases = self.data.hold_outs
        if not cases:
            return None
        return self.workers.told(
            score_network(self.state.average, cases) if self.workers.lead else None
        )

    def save(self) -> None:
        """Write the checkpoint."""
        if self.workers.lead:
            self.folder.save(self.state, asdict(self.progress))

    def result(self, *, finished: bool) -> TrainingResult:
        """What there is now."""
        best = self.folder.best
        return TrainingResult(
            # a folder may hold somebody else's
            weights=best if best.exists() and self.progress.best_loss is not None else None,
            checkpoint=self.folder.checkpoint,
            epoch=self.progress.epoch,
            step=self.state.step_count,
            finished=finished,
        )

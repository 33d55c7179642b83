"""A whole training in a folder: epochs, validation, log, checkpoints, and going on from them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError

from ..errors import InputError, OutputError
from ..events import CancelToken, Event, Job, Progress
from ..io.output import check_free_space, ensure_folder
from ..io.weights import save_weights
from .checkpoint import load_checkpoint, save_checkpoint
from .log import TrainingLog, row_of_scores, write_baselines
from .state import StepLoss, TrainingDivergedError, TrainingState
from .trainer import prefetch
from .validation import score_network, score_predictor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ..network import LBN
    from .examples import AddNoise, TrainingSeries
    from .settings import TrainingSettings
    from .validation import HoldOut, Predictor, Scores

LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How long a training lasts and what it keeps.

    Attributes
    ----------
    epochs : int
        After the last one the training is finished.
    steps_per_epoch : int
        Optimizer steps; 0 uses every series once an epoch, as the paper does.
    checkpoint_minutes : float
        Longest time between checkpoints within an epoch; every epoch ends with one.
    keep_every : int
        Epochs between weights that are kept for good (``epoch_0010.safetensors``); 0 keeps
        the best ones only.
    tensorboard : bool
        Write TensorBoard's files beside the CSV log.
    name : str
        Of the weights.
    pixel_sizes : tuple of float
        Å; smallest and largest that the weights will know.
    """

    epochs: int = 50
    steps_per_epoch: int = 0
    checkpoint_minutes: float = 5.0
    keep_every: int = 0
    tensorboard: bool = False
    name: str = "trained"
    pixel_sizes: tuple[float, float] = (9.0, 21.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What a training learns from and is judged by.

    Attributes
    ----------
    series : sequence of TrainingSeries
        Never hold a held-out tilt (`validation.split`).
    hold_outs : sequence of HoldOut
        For validation; may be empty.
    add_noise : callable
        For simulated series.
    baselines : mapping
        Predictors by name, to compare with on the hold-outs.
    """

    series: Sequence[TrainingSeries]
    add_noise: AddNoise
    hold_outs: Sequence[HoldOut] = ()
    baselines: Mapping[str, Predictor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class BaselinesReady(Event):
    """Scores of what needs no training, by name: horizontal lines in the curves."""

    scores: dict[str, Scores]


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochFinished(Event):
    """An epoch is over, validated and saved.

    Attributes
    ----------
    epoch, step : int
        Finished so far.
    loss, critic : float
        Means over the epoch: MSE, and equation 1.
    scores : Scores or None
        Of the averaged weights on the hold-outs.
    learning_rate, seconds : float
        Now; since the training began, earlier parts included.
    best : bool
        Whether these are the best weights so far.
    """

    epoch: int
    step: int
    loss: float
    critic: float
    scores: Scores | None
    learning_rate: float
    seconds: float
    best: bool


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training left: `finished` is False where it was stopped before its last epoch."""

    weights: Path | None
    checkpoint: Path
    epoch: int
    step: int
    finished: bool


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


def steps_per_epoch(run: RunSettings, training: TrainingSettings, n_series: int) -> int:
    """Optimizer steps of one epoch."""
    return run.steps_per_epoch or max(-(-n_series // training.accumulate), 1)


def fit(
    network: LBN,
    data: TrainingData,
    training: TrainingSettings,
    run: RunSettings,
    folder: Path,
    *,
    resume: bool = False,
    stop: CancelToken | None = None,
) -> Job[TrainingResult]:
    """Train in a folder, saving as it goes.

    The folder gets ``last.safetensors`` (checkpoint), ``best.safetensors`` (weights),
    ``log.csv`` and ``baselines.json``. Pausing is not asking for the next event.

    Parameters
    ----------
    network : LBN
        Trained in place.
    data : TrainingData
        Series and hold-outs.
    training : TrainingSettings
        Its `steps` is set from epochs here.
    run : RunSettings
        How long, and what to keep.
    folder : Path
        Made if absent.
    resume : bool
        Go on from the folder's checkpoint; on a CPU the result is the same to the bit as
        without the interruption.
    stop : CancelToken, optional
        Ends the training after the step at hand, with a checkpoint and a result.

    Yields
    ------
    BaselinesReady, Progress, EpochFinished
        A `Progress` every step.

    Raises
    ------
    InputError
        Nothing to train on, a checkpoint in the way, or none to resume.
    TrainingDivergedError
        The loss is not a number; the checkpoint before it is intact.
    OutputError
        The disk is full or read-only; the checkpoint before is intact.
    """
    job = _Run(network, data, training, run, folder)
    job.prepare(resume=resume)
    if data.baselines and data.hold_outs:
        scores = {name: score_predictor(p, data.hold_outs) for name, p in data.baselines.items()}
        write_baselines(folder, scores)
        yield BaselinesReady(scores=scores)
    return (yield from job.events(stop))


class _Run:
    """One training: the state that its stages share."""

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
        self.data, self.run, self.folder = data, run, folder
        self.epoch_steps = steps_per_epoch(run, training, len(data.series))
        self.total = run.epochs * self.epoch_steps
        self.state = TrainingState(network, replace(training, steps=self.total))
        self.progress = _Progress()
        self.log: TrainingLog | None = None

    def prepare(self, *, resume: bool) -> None:
        """Read or refuse the checkpoint that may be there, and open the log."""
        ensure_folder(self.folder)
        last = self.folder / LAST
        if resume:
            self.progress = _Progress(**load_checkpoint(last, self.state))
        elif last.exists():
            raise InputError(
                f"{self.folder} holds a training already.",
                "Resume it (--resume), or choose another folder.",
            )
        size = sum(p.numel() * p.element_size() for p in self.state.network.parameters())
        check_free_space(self.folder, 2 * 4 * size)
        self.log = TrainingLog(self.folder, self.state.step_count, tensorboard=self.run.tensorboard)

    def events(self, stop: CancelToken | None) -> Job[TrainingResult]:
        """Train to the end, or until told to stop."""
        state, progress = self.state, self.progress
        examples = prefetch(
            lambda: self.data.series,
            state.settings,
            self.data.add_noise,
            first=state.examples_drawn,
        )
        started, saved = time.monotonic() - progress.seconds, time.monotonic()
        while state.step_count < self.total:
            if stop is not None and stop.is_set():
                self.save()
                return self.result(finished=False)
            self.take_step(examples)
            progress.seconds = time.monotonic() - started
            yield Progress(
                stage=f"Epoch {progress.epoch + 1} of {self.run.epochs}",
                done=(state.step_count - 1) % self.epoch_steps + 1,
                total=self.epoch_steps,
                fraction=state.step_count / self.total,
            )
            if state.step_count % self.epoch_steps == 0:
                yield self.end_epoch()
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
            last = self.folder / LAST
            kept = f"The last good checkpoint is {last}." if last.exists() else ""
            raise TrainingDivergedError(error.message, f"{kept} {error.remedy}".strip()) from error

    def end_epoch(self) -> EpochFinished:
        """Validate, adapt the rate, keep the best, save, and log: in an order that can be cut."""
        state, progress = self.state, self.progress
        scores = score_network(state.average, self.data.hold_outs) if self.data.hold_outs else None
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
        if best:
            self.save_weights(BEST, event)
        if self.run.keep_every and event.epoch % self.run.keep_every == 0:
            self.save_weights(f"epoch_{event.epoch:04d}.safetensors", event)
        # the log comes before the checkpoint: a row too many is dropped on resuming, while
        # one too few would be missing for ever
        assert self.log is not None
        self.log.add(_row(event))
        self.save()
        return event

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.folder / LAST, self.state, asdict(self.progress))

    def save_weights(self, name: str, event: EpochFinished) -> None:
        """Write the averaged weights as a file that every command takes."""
        path = self.folder / name
        try:
            save_weights(
                path,
                self.state.average,
                name=self.run.name,
                pixel_sizes=self.run.pixel_sizes,
                summary={"training": _row(event), "series": len(self.data.series)},
            )
        except SafetensorError as error:
            raise OutputError(
                f"{path} cannot be written: {error}.", "Is the disk full? The older file is intact."
            ) from error

    def result(self, *, finished: bool) -> TrainingResult:
        """What there is now."""
        best = self.folder / BEST
        return TrainingResult(
            weights=best if best.exists() else None,
            checkpoint=self.folder / LAST,
            epoch=self.progress.epoch,
            step=self.state.step_count,
            finished=finished,
        )


def _row(event: EpochFinished) -> dict[str, float]:
    return {
        "epoch": event.epoch,
        "step": event.step,
        "loss": event.loss,
        "critic": event.critic,
        **row_of_scores(event.scores),
        "learning_rate": event.learning_rate,
        "seconds": round(event.seconds, 3),
    }

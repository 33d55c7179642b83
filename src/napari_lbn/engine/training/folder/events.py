"""What a training in a folder tells while it runs, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...events import Event, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from ..validation import Scores

AS_STARTED = "before training"
"""Name of the baseline that a fine-tuning has to beat above all: its own weights at the start."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BaselinesReady(Event):
    """Scores of what needs no training, by name: horizontal lines in the curves."""

    scores: dict[str, Scores]


@dataclass(frozen=True, kw_only=True)
class StepFinished(Progress):
    """A step is over; `done` counts the steps of the epoch.

    Attributes
    ----------
    loss : float
        MSE of this step alone.
    """

    loss: float


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

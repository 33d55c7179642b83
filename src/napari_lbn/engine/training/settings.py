"""Numbers of a training: optimisation, critic, precision, and how long it lasts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ..errors import InputError
from .examples.draw import ExampleSettings


@dataclass(frozen=True, kw_only=True)
class CriticSettings:
    """The patch critic (paper, equations 1 and 2).

    Attributes
    ----------
    weight : float
        Of the critic's score in the network's loss; 1 as in equation 2, 0 trains without.
    warm_up : int
        Steps over which the weight rises from 0, while the critic already learns.
    channels, groups : int
        Of its layers and their GroupNorm.
    learning_rate : float or None
        None takes that of the network.
    penalty : float
        Weight of the gradient penalty that keeps it 1-Lipschitz.
    """

    weight: float = 0.0
    warm_up: int = 0
    channels: int = 64
    groups: int = 4
    learning_rate: float | None = None
    penalty: float = 10.0


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the network is trained.

    Attributes
    ----------
    steps : int
        Optimizer steps.
    accumulate : int
        Examples a step.
    learning_rate : float
        Of Adam, reached after `warm_up` steps.
    outer_share : float
        Learning rate of encoder and decoder, in that of the rest. Below 1 it spares the
        linear pair that `network.initialise` starts them as.
    schedule : {"cosine", "plateau", "constant"}
        After the warm-up: falling to zero along a cosine over all `steps`; multiplied by
        `plateau_factor` whenever validation has not improved for `plateau_patience`
        epochs, as in the paper; or left alone.
    ema : float
        Decay of the running average of the weights, which is what is kept; 0 keeps the
        last weights.
    clip : float
        Largest norm of a step's gradient; 0 for no limit.
    precision : {"float32", "bfloat16", "float16"}
        Of the convolutions (autocast); weights and optimizer stay float32.
    recompute : int
        Activation checkpointing: tilts that pass encoder and decoder together, and whose
        activations are computed again for the gradient instead of kept. 0 keeps all.
    report_every : int
        Steps between `Report` events of `train`.
    seed : int
        Of examples and critic.
    device : str
        "auto" takes the fastest.
    examples, critic
        Their own settings.
    """

    steps: int = 2000
    accumulate: int = 1
    learning_rate: float = 1e-3
    outer_share: float = 1.0
    warm_up: int = 100
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    plateau_factor: float = 0.5
    plateau_patience: int = 10
    ema: float = 0.998
    clip: float = 1.0
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    recompute: int = 0
    report_every: int = 100
    seed: int = 0
    device: str = "cpu"
    examples: ExampleSettings = field(default_factory=ExampleSettings)
    critic: CriticSettings = field(default_factory=CriticSettings)

    def __post_init__(self) -> None:
        _require("training.accumulate", self.accumulate, least=1)
        _require("training.learning_rate", self.learning_rate)
        _require("training.ema", self.ema, most=1.0)
        _require("training.clip", self.clip)


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

    def __post_init__(self) -> None:
        _require("run.epochs", self.epochs, least=1)
        _require("run.steps_per_epoch", self.steps_per_epoch)
        _require("run.keep_every", self.keep_every)


def _require(name: str, value: float, *, least: float = 0.0, most: float = math.inf) -> None:
    if not least <= value <= most or math.isinf(value):
        upper = "" if math.isinf(most) else f" and at most {most:g}"
        raise InputError(f"{name} must be at least {least:g}{upper}, not {value:g}.")


def steps_per_epoch(run: RunSettings, training: TrainingSettings, n_series: int) -> int:
    """Optimizer steps of one epoch."""
    return run.steps_per_epoch or max(-(-n_series // training.accumulate), 1)

"""How weights are adapted to one tilt series."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...device import choose_device
from ...errors import InputError
from ..examples.draw import ExampleSettings
from ..optimisation.precision import fastest_precision
from ..settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class AdaptationSettings:
    """How weights are adapted.

    Attributes
    ----------
    minutes : float
        Bound of the whole adaptation, validation included.
    thickness : int
        Of the specimen in pixels.
    device : str
        "auto" takes the fastest.
    learning_rate : float
        Of Adam; falls to zero along a cosine over the time.
    crop : int
        Pixels a side of each example.
    targets : int
        Tilts to predict in each example.
    hold_out_every : int
        Every n-th inner tilt, and the outermost ones, are kept from training to choose by.
    steps : int or None
        At most so many, however much time is left.
    seed : int
        Of the examples.
    """

    minutes: float = 2.0
    thickness: int
    device: str = "auto"
    learning_rate: float = 1e-3
    crop: int = 128
    targets: int = 12
    hold_out_every: int = 8
    steps: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.minutes < math.inf:
            raise InputError(f"An adaptation of {self.minutes:g} minutes cannot be.")

    def for_training(self) -> TrainingSettings:
        """As the trainer takes it."""
        device = str(choose_device(self.device))
        return TrainingSettings(
            learning_rate=self.learning_rate,
            warm_up=10,
            schedule="constant",  # the rate follows the clock, not the number of steps
            ema=0.99,
            precision=fastest_precision(device),
            seed=self.seed,
            device=device,
            examples=ExampleSettings(
                crop=self.crop, n_targets=self.targets, offset_probability=0.0
            ),
        )

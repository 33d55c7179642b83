"""What examples are drawn from, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

AddNoise = Callable[
    [NDArray[np.float32], float, NDArray[np.float64], np.random.Generator], NDArray[np.float32]
]
"""``add_noise(clean, snr, profile, rng)``: noisy tilts; `profile` is the relative standard
deviation of each tilt's noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSeries:
    """Tilts for training.

    Attributes
    ----------
    tilts : array_like
        ``(n, y, x)``; in memory (float16 saves some) or read piece by piece
        (`crops.LazyTilts`).
    angles : ndarray
        ``(n,)`` degrees, ascending.
    noise_profile : ndarray or None
        ``(n,)`` for simulated, noise-free tilts (optical density, dense is positive):
        relative standard deviation of the noise that each example adds. None for a
        measured series, whose tilts are input and target as they are.
    thickness : int or None
        Of the specimen in pixels; None draws it from `ExampleSettings.depths`.
    least_depth : int
        Pixels that the latent volume must have to hold a simulated specimen.
    name : str
        For messages.
    truth : array_like or None
        ``(k, y, x)`` of a simulated series: its noise-free tilts at any angle, in the
        units of `tilts` but for each tilt's mean.
    truth_angles : ndarray or None
        ``(k,)`` degrees.
    """

    tilts: Any
    angles: NDArray[np.float64]
    noise_profile: NDArray[np.float64] | None = None
    thickness: int | None = None
    name: str = "tilt series"
    truth: Any = None
    truth_angles: NDArray[np.float64] | None = None
    least_depth: int = 0


@dataclass(frozen=True, kw_only=True)
class ExampleSettings:
    """How examples are drawn.

    Attributes
    ----------
    crop : int
        Pixels a side; smaller images are used whole. Crops of larger ones follow a random
        point of the specimen (`crops`).
    crop_depth : float
        How far from the middle of the specimen such points lie at most, in thicknesses.
    n_targets : int
        Tilts to predict in each example, hidden ones first; 0 for all of them.
    masking : {"uniform", "independent", "mixed"}
        The paper's schemes, or a mix of both with hidden edges (`edge_mask`).
    uniform_threshold, independent_probability : float
        Of the two schemes.
    offset_probability : float
        How often the specimen is rotated by a random offset in [-90, 90] degrees.
    depths : tuple of int
        Thicknesses in pixels, one drawn for each example that is not rotated, so that the
        network knows slabs of any depth; under the offset the volume is square.
    range_low, range_high : tuple of float
        Degrees; the measured range of a simulated example is drawn from these.
    steps : tuple of int
        A simulated example keeps every tilt, or every second one, ...
    snr : tuple of float
        Signal-to-noise ratios of simulated examples, drawn log-uniformly.
    border_probability : float
        How often a simulated example's visible tilts get the blank edges of an aligned stack;
        its targets have none.
    bright_probability : float
        How often dense is bright, as in dark-field images or inverted stacks.
    targets : {"noisy", "clean"}
        What simulated examples are compared with: the noisy tilts, as the paper does, or
        the clean ones, whose expectation is the same and whose gradients are quieter.
    wedge_targets : float
        Share of a simulated example's targets that lie beyond the drawn range, where the
        simulation knows the truth (`wedge_targets`); 0 for none, as in the paper.
    """

    crop: int = 128
    crop_depth: float = 0.25
    n_targets: int = 12
    masking: Literal["uniform", "independent", "mixed"] = "mixed"
    uniform_threshold: float = 0.8
    independent_probability: float = 0.4
    offset_probability: float = 0.5
    depths: tuple[int, ...] = (96, 112, 128, 160, 192)
    range_low: tuple[float, float] = (-72.0, -42.0)
    range_high: tuple[float, float] = (42.0, 72.0)
    steps: tuple[int, ...] = (1, 1, 2)
    snr: tuple[float, float] = (0.05, 2.0)
    border_probability: float = 0.25
    bright_probability: float = 0.15
    targets: Literal["noisy", "clean"] = "clean"
    wedge_targets: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.wedge_targets < 1:
            raise InputError(
                f"A share of {self.wedge_targets:g} of the targets cannot lie in the wedge.",
                "Choose wedge_targets from 0 to below 1.",
            )

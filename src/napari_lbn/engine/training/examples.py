"""One training example: some tilts that the network sees, others that it has to predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..intensity import IntensityStats, normalise
from .augmentation import mirror_x, mirror_y, mirror_z, rotate_specimen
from .crops import Crop, draw_crop, read_crop
from .masking import edge_mask, independent_mask, uniform_mask
from .wedge_targets import draw_truth, known_angles, normalised_truth

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
    bright_probability: float = 0.15
    targets: Literal["noisy", "clean"] = "clean"
    wedge_targets: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.wedge_targets < 1:
            raise InputError(
                f"A share of {self.wedge_targets:g} of the targets cannot lie in the wedge.",
                "Choose wedge_targets from 0 to below 1.",
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """What one step trains on: ``(n, 1, y, x)`` float32 images and angles in degrees.

    `thickness` is that of the latent volume in pixels; None asks for a square one.
    """

    visible: NDArray[np.float32]
    visible_angles: NDArray[np.float64]
    targets: NDArray[np.float32]
    target_angles: NDArray[np.float64]
    thickness: int | None = None


def draw_example(
    series: TrainingSeries, settings: ExampleSettings, rng: np.random.Generator, add_noise: AddNoise
) -> Example:
    """Draw tilts, noise, augmentation and mask for one step."""
    crop, depth = _choose_crop(series, settings, rng)
    tilts, angles = read_crop(series.tilts, series.angles, crop), series.angles
    if series.noise_profile is None:
        inputs, _ = normalise(tilts, angles)
        targets, beyond, beyond_angles = inputs, inputs[:0], angles[:0]
    else:
        keep = _draw_range(angles, settings, rng)
        angles = angles[keep]
        profile = series.noise_profile[keep]
        inputs, targets, stats, sign = _image(
            tilts[keep], angles, profile, settings, rng, add_noise
        )
        truth = draw_truth(series, crop, angles, settings, rng)
        beyond, beyond_angles = normalised_truth(truth, stats, sign), truth[1]
    n = len(angles)
    hidden = draw_mask(n, settings, rng)
    both = np.stack([inputs, targets], axis=1)
    both = np.concatenate([both, np.stack([beyond, beyond], axis=1)])
    both, angles, rotated = augment(both, np.concatenate([angles, beyond_angles]), settings, rng)
    wanted = settings.n_targets and settings.n_targets - len(beyond)
    chosen = np.append(_choose_targets(hidden, wanted, rng), np.arange(n, len(both)))
    return Example(
        visible=both[:n][~hidden, :1],
        visible_angles=angles[:n][~hidden],
        targets=both[chosen, 1:],
        target_angles=angles[chosen],
        thickness=None if rotated else depth,
    )


def draw_mask(
    n_tilts: int, settings: ExampleSettings, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which tilts the network does not see."""
    scheme: str = settings.masking
    if scheme == "mixed":
        scheme = ("uniform", "independent", "edge")[rng.integers(3)]
    if scheme == "uniform":
        return uniform_mask(n_tilts, rng, settings.uniform_threshold)
    if scheme == "independent":
        return independent_mask(n_tilts, rng, settings.independent_probability)
    return edge_mask(n_tilts, rng)


def augment(
    tilts: NDArray[Any],
    angles: NDArray[np.float64],
    settings: ExampleSettings,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[np.float64], bool]:
    """Mirror at random along each axis, rotate by a random offset; says whether it rotated."""
    for mirror in (mirror_x, mirror_y, mirror_z):
        if rng.random() < 0.5:
            tilts, angles = mirror(tilts, angles)
    rotate = rng.random() < settings.offset_probability
    if rotate:
        tilts, angles = rotate_specimen(tilts, angles, rng.uniform(-90, 90))
    return tilts, angles, bool(rotate)


def _image(
    clean: NDArray[np.float32],
    angles: NDArray[np.float64],
    profile: NDArray[np.float64],
    settings: ExampleSettings,
    rng: np.random.Generator,
    add_noise: AddNoise,
) -> tuple[NDArray[np.float32], NDArray[np.float32], IntensityStats, np.float32]:
    """Normalised noisy tilts and their targets, dense dark as in cryo-EM or bright.

    Also gives how they were normalised, and the sign of density.
    """
    snr = float(np.exp(rng.uniform(*np.log(settings.snr))))
    sign = np.float32(1 if rng.random() < settings.bright_probability else -1)
    inputs, stats = normalise(sign * add_noise(clean, snr, profile, rng), angles)
    if settings.targets == "noisy":
        return inputs, inputs, stats, sign
    mean, std = (v.astype(np.float32)[:, None, None] for v in (stats.mean, stats.std))
    return inputs, (sign * clean - mean) / std, stats, sign


def _choose_crop(
    series: TrainingSeries, settings: ExampleSettings, rng: np.random.Generator
) -> tuple[Crop, int]:
    """A crop, and the thickness of a latent volume that holds the specimen there."""
    depth = series.thickness or _draw_depth(settings.depths, series.least_depth, rng)
    shape = (int(series.tilts.shape[1]), int(series.tilts.shape[2]))
    angles = known_angles(series) if settings.wedge_targets else series.angles
    crop = draw_crop(shape, angles, settings.crop, settings.crop_depth * depth, rng)
    # the crop's middle is the point; the specimen reaches further on one side of it
    depth += round(2 * abs(crop.point[1]))
    return crop, depth


def _draw_depth(depths: tuple[int, ...], least: int, rng: np.random.Generator) -> int:
    """One of the depths that hold the specimen; its own, in steps of 16, where none does."""
    enough = [depth for depth in depths if depth >= least]
    return int(rng.choice(enough)) if enough else -(-least // 16) * 16


def _draw_range(
    angles: NDArray[np.float64], settings: ExampleSettings, rng: np.random.Generator
) -> NDArray[np.intp]:
    low, high = rng.uniform(*settings.range_low), rng.uniform(*settings.range_high)
    inside = np.flatnonzero((angles >= low - 1e-6) & (angles <= high + 1e-6))
    step = int(rng.choice(settings.steps))
    return inside[rng.integers(0, step) :: step]


def _choose_targets(
    hidden: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Three quarters hidden tilts where there are as many, the rest visible ones; 0 is all."""
    count = count or len(hidden)
    masked = rng.permutation(np.flatnonzero(hidden))
    if count < len(hidden):
        masked = masked[: -(-3 * count // 4)]
    seen = rng.permutation(np.flatnonzero(~hidden))[: count - len(masked)]
    return np.concatenate([masked, seen])

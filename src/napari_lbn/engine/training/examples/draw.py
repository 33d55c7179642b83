"""One training example: some tilts that the network sees, others that it has to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...intensity import IntensityStats, normalise
from ...simulation.imaging.borders import BorderSettings, blank_borders, blanked
from .augmentation import mirror_x, mirror_y, mirror_z, rotate_specimen
from .crops import Crop, draw_crop, read_crop
from .masking import edge_mask, independent_mask, uniform_mask
from .settings import AddNoise, ExampleSettings, TrainingSeries
from .wedge_targets import draw_truth, known_angles, normalised_truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "AddNoise",
    "Example",
    "ExampleSettings",
    "TrainingSeries",
    "augment",
    "draw_example",
    "draw_mask",
]


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
    noisy = sign * add_noise(clean, snr, profile, rng)
    targets = noisy if settings.targets == "noisy" else sign * clean
    if settings.border_probability and rng.random() < settings.border_probability:
        blank = blank_borders(noisy.shape[1:], angles, BorderSettings.draw(rng), rng)
        noisy = blanked(noisy, blank)
    inputs, stats = normalise(noisy, angles)
    mean, std = (v.astype(np.float32)[:, None, None] for v in (stats.mean, stats.std))
    return inputs, inputs if noisy is targets else (targets - mean) / std, stats, sign


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

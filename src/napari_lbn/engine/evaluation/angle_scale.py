"""Whether the angles have the right increment: the stretch between neighbouring tilts.

A specimen is a slab, so that a tilt at θ shows its plane narrowed by cos(θ − θ₀), where θ₀ is
the slant of the slab. Two tilts agree best when one is stretched by the ratio of the cosines,
which tells the increment; depth shifts features between tilts but stretches nothing. A scale of
the angles is invisible to re-projections of neighbouring tilts, because a thinner or thicker
reconstruction makes up for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from ..events import Progress, raise_if_cancelled
from .sharing import part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job

Pairs: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.intp]]"

APART = 8.0
"""Degrees between compared tilts: nearer ones hardly differ, further ones hardly agree."""
SCALES = np.geomspace(0.4, 2.5, 39)
"""Factors of the angles that are tried; the middle one is 1."""
SLANTS = np.arange(-30.0, 31.0, 2.0)
"""Degrees."""
STEEPEST = 87.0
"""Degrees; at 90 the slab is edge-on."""
FURTHEST = 80.0
"""Angles that no scale may reach, unless they are given like that."""
RATIO_STEP = 0.02
LARGEST_RATIO = 0.8
"""Of the logarithm of the stretch."""
FINE, COARSE = 1.0, 8.0
"""Pixels: detail between these two is compared, neither noise nor the shape of the ice."""
MOST_LAGS = 12


@dataclass(frozen=True, kw_only=True)
class AngleScale:
    """By which factor of the angles neighbouring tilts agree best.

    Attributes
    ----------
    scale : float
        1 where the angles are right.
    correlation : float
        Mean between stretched neighbours at the best scale.
    given, unstretched : float
        With the angles as they are, and without any stretch.
    certainty, visible : float
        By how many standard errors the best scale beats the given one and no stretch.
    """

    scale: float
    correlation: float
    given: float
    unstretched: float
    certainty: float
    visible: float


def angle_scale(
    tilts: NDArray[np.float32],
    angles: NDArray[np.float64],
    thickness: int,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[AngleScale]:
    """Find the factor of the angles by which the stretch between tilts fits best.

    Parameters
    ----------
    tilts : ndarray
        ``(n, y, x)``, some 100 to 300 pixels along x, the tilt axis along y in the middle.
    angles : ndarray
        ``(n,)`` degrees, ascending.
    thickness : int
        Pixels of these tilts; depth shifts features by up to a part of it.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.
    """
    pairs = _pairs(angles)
    models = _models(angles, pairs)
    reach = min(max(np.abs(ratios).max() for _, ratios in models), LARGEST_RATIO)
    count = int(np.ceil(reach / RATIO_STEP))
    grid = np.arange(-count, count + 1, dtype=np.float64) * RATIO_STEP
    lags = int(np.clip(round(thickness / 2 * np.sin(np.deg2rad(APART))), 2, MOST_LAGS))
    detail = np.stack([gaussian_filter(t, FINE) - gaussian_filter(t, COARSE) for t in tilts])
    table = np.empty((grid.size, pairs[0].size))
    for i, ratio in enumerate(grid):
        raise_if_cancelled(cancel)
        fraction = part(fractions, i, grid.size)
        yield Progress(
            stage="Comparing neighbouring tilts", done=i, total=grid.size, fraction=fraction
        )
        table[i] = _agreement(detail, pairs, float(ratio), lags)
    return _best(models, grid, table)


def _pairs(angles: NDArray[np.float64]) -> Pairs:
    """Each tilt and the one that follows some degrees later."""
    first = np.arange(angles.size - 1)
    nearest = np.abs(angles[None] - angles[first, None] - APART).argmin(axis=1)
    return first, np.maximum(nearest, first + 1)


def _models(angles: NDArray[np.float64], pairs: Pairs) -> list[tuple[float, NDArray[np.float64]]]:
    """Scale, and the logarithm of the stretch of each pair, for every scale and slant."""
    largest = float(np.abs(angles).max())
    found = []
    for scale in SCALES[SCALES * largest <= max(FURTHEST, largest * 1.001)]:
        for slant in SLANTS:
            seen = scale * angles - slant
            if np.abs(seen).max() < STEEPEST:
                cosines = np.cos(np.deg2rad(seen))
                found.append((float(scale), np.log(cosines[pairs[0]] / cosines[pairs[1]])))
    return found


def _agreement(
    tilts: NDArray[np.float32], pairs: Pairs, ratio: float, lags: int
) -> NDArray[np.float64]:
    """Correlation of each pair, the first tilt narrowed and the second widened by half of it.

    The best of a few shifts along x counts: depth and alignment shift whole tilts a little.
    """
    narrowed, first = _scaled(tilts, np.exp(ratio / 2))
    widened, second = _scaled(tilts, np.exp(-ratio / 2))
    both = first & second
    size = fft.next_fast_len(tilts.shape[2] + lags, real=True)
    spectra, norms = [], []
    for images in (narrowed, widened):
        mean = images[:, :, both].mean(axis=(1, 2), keepdims=True)
        centred = np.where(both, images - mean, 0).astype(np.float32)
        spectra.append(fft.rfft(centred, size, axis=2))
        norms.append(np.sqrt((centred**2).sum(axis=(1, 2), dtype=np.float64)))
    found = np.empty(pairs[0].size)
    for k, (i, j) in enumerate(zip(*pairs, strict=True)):
        shifted = fft.irfft((spectra[0][i] * spectra[1][j].conj()).sum(axis=0), size)
        peak = max(shifted[: lags + 1].max(), shifted[-lags:].max())
        found[k] = peak / max(norms[0][i] * norms[1][j], np.finfo(np.float32).tiny)
    return found


def _scaled(
    tilts: NDArray[np.float32], factor: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Tilts read at `factor` times the distance from the tilt axis, and where there are any."""
    width = tilts.shape[2]
    axis = (width - 1) / 2
    place = axis + (np.arange(width) - axis) * factor
    left = np.clip(np.floor(place).astype(int), 0, width - 2)
    share = (place - left).astype(np.float32)
    inside = (place >= 0) & (place <= width - 1)
    return tilts[:, :, left] * (1 - share) + tilts[:, :, left + 1] * share, inside


def _best(
    models: list[tuple[float, NDArray[np.float64]]],
    grid: NDArray[np.float64],
    table: NDArray[np.float64],
) -> AngleScale:
    """The best slant of each scale, and the best scale."""
    by_scale: dict[float, NDArray[np.float64]] = {}
    columns = np.arange(table.shape[1])
    for scale, ratios in models:
        place = np.clip((ratios - grid[0]) / RATIO_STEP, 0, grid.size - 1)
        low = np.minimum(place.astype(int), grid.size - 2)
        share = place - low
        values = table[low, columns] * (1 - share) + table[low + 1, columns] * share
        if scale not in by_scale or values.mean() > by_scale[scale].mean():
            by_scale[scale] = values
    best = max(by_scale, key=lambda scale: float(by_scale[scale].mean()))
    given = min(by_scale, key=lambda scale: abs(scale - 1))
    unstretched = table[grid.size // 2]
    return AngleScale(
        scale=best,
        correlation=float(by_scale[best].mean()),
        given=float(by_scale[given].mean()),
        unstretched=float(unstretched.mean()),
        certainty=_standard_errors(by_scale[best] - by_scale[given]),
        visible=_standard_errors(by_scale[best] - unstretched),
    )


def _standard_errors(difference: NDArray[np.float64]) -> float:
    """The mean of a difference in units of its standard error."""
    error = float(difference.std(ddof=1) / np.sqrt(difference.size))
    return float(difference.mean()) / error if error > 0 else 0.0

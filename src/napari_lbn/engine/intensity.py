"""Intensities: each tilt normalised, how it was done remembered, and back to the input's units.

The network sees tilts of mean 0 and standard deviation 1. For an angle without a
measurement, mean and scale come from a smooth robust fit over the visible tilts against
1 / cos(theta), held bounded in the missing wedge; a hidden tilt's own statistics are never
used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .geometry import HALF_TURN, wrap_angle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

CLIP_SIGMAS = 12.0
"""Pixels further from the median than this many robust standard deviations may be hot."""

HOT_SHARE = 2e-4
"""... unless more than this share of the pixels is as far out: those are features."""

STEEPEST = 85.0
"""Degrees: 1 / cos and tan go to infinity at 90, the transmitted electrons do not follow."""

COUNTS_SIGMAS = 3.0
"""Means above this many standard deviations in every tilt mean that the unit is counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntensityStats:
    """What was measured on each visible tilt, in the input's units.

    Attributes
    ----------
    angles, mean, std : ndarray
        ``(n,)``, angles ascending in degrees; hot pixels do not count.
    low, high : ndarray
        ``(n,)`` limits to which hot and dead pixels are clipped.
    """

    angles: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def measure(cls, tilts: Iterable[NDArray[Any]], angles: ArrayLike) -> IntensityStats:
        """Read tilts ``(y, x)`` one after the other and measure each."""
        rows = np.array([_measure(np.asarray(tilt, dtype=np.float32)) for tilt in tilts])
        mean, std, low, high = rows.T
        values = np.asarray(angles, dtype=np.float64)
        return cls(angles=values, mean=mean, std=std, low=low, high=high)

    def clipped(self, tilt: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        """A visible tilt, or rows of it, hot pixels clipped and NaN replaced by its mean."""
        filled = np.nan_to_num(tilt, nan=float(self.mean[index]))
        return np.clip(filled, np.float32(self.low[index]), np.float32(self.high[index]))

    def normalised(self, tilt: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        """A visible tilt with mean 0 and standard deviation 1."""
        centred = self.clipped(tilt, index) - np.float32(self.mean[index])
        return centred / np.float32(self.std[index])

    @property
    def are_counts(self) -> bool:
        """Whether intensities are positive counts, not already centred on zero."""
        return bool(np.all(self.mean > COUNTS_SIGMAS * self.std))

    def at(self, angles: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected mean and standard deviation at any angles, from the smooth fit.

        Parameters
        ----------
        angles : array_like
            Degrees in (-90, 90].

        Returns
        -------
        mean, std : ndarray
        """
        mean = _fit_and_evaluate(self.angles, self.mean, angles, log=bool(np.all(self.mean > 0)))
        return mean, _fit_and_evaluate(self.angles, self.std, angles, log=True)

    def scale_of_a_volume(self, angles: ArrayLike) -> NDArray[np.float64]:
        """The unit of a volume made from these tilts, normalised, as seen at any angles.

        A tilt of the whole specimen has the standard deviation of `at`, which grows with the
        path and with the noise. An object within the volume does not: it has the contrast
        that it has on the mean in the normalised tilts, and in counts that is proportional
        to the transmitted mean.

        Parameters
        ----------
        angles : array_like
            Degrees in (-90, 90].
        """
        wanted = np.asarray(angles, dtype=np.float64)
        if not self.are_counts:
            return np.full(wanted.shape, 1 / np.mean(1 / self.std))
        transmitted = self.at(self.angles)[0]
        return np.asarray(self.at(wanted)[0] / np.mean(transmitted / self.std))


def normalise(
    tilts: NDArray[np.float32], angles: ArrayLike
) -> tuple[NDArray[np.float32], IntensityStats]:
    """Tilts ``(n, y, x)`` to mean 0, standard deviation 1 each, and how it was done."""
    stats = IntensityStats.measure(tilts, angles)
    return np.stack([stats.normalised(tilt, i) for i, tilt in enumerate(tilts)]), stats


def common_gain(stats: IntensityStats, angles: ArrayLike) -> NDArray[np.float64]:
    """Gain that brings tilts at these angles to one common scale for WBP.

    Counts are divided by the transmitted mean of their angle (the smooth fit), because the
    contrast of a tilt is proportional to it, and multiplied by the largest mean, so that
    the tomogram stays in the input's units. Other intensities keep their scale.
    """
    wanted = np.asarray(angles, dtype=np.float64)
    if not stats.are_counts:
        return np.ones_like(wanted)
    reference = float(stats.at(stats.angles)[0].max())
    return reference / stats.at(wanted)[0]


def _measure(tilt: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Mean, standard deviation and clipping limits of one tilt."""
    finite = tilt[np.isfinite(tilt)]
    if finite.size == 0:
        return 0.0, 1.0, 0.0, 0.0
    sample = finite[:: max(finite.size // 100_000, 1)]
    median = float(np.median(sample))
    sigma = 1.4826 * float(np.median(np.abs(sample - median)))
    sigma = sigma or float(sample.std()) or 1.0
    dark = float(np.quantile(sample, HOT_SHARE, method="higher"))
    bright = float(np.quantile(sample, 1 - HOT_SHARE, method="lower"))
    low = median - max(CLIP_SIGMAS * sigma, 1.5 * (median - dark))
    high = median + max(CLIP_SIGMAS * sigma, 1.5 * (bright - median))
    kept = np.clip(finite, low, high)
    return float(kept.mean(dtype=np.float64)), float(kept.std(dtype=np.float64)) or 1.0, low, high


def _basis(angles: NDArray[np.float64], terms: int) -> NDArray[np.float64]:
    """1, 1 / cos(theta), and the odd tan(theta) that a pre-tilted slab needs."""
    radians = np.deg2rad(np.clip(wrap_angle(angles)[0], -STEEPEST, STEEPEST))
    columns = [np.ones_like(radians), 1 / np.cos(radians), np.tan(radians)]
    return np.stack(columns[:terms], axis=1)


def _fit_and_evaluate(
    angles: NDArray[np.float64], values: NDArray[np.float64], targets: ArrayLike, *, log: bool
) -> NDArray[np.float64]:
    terms = 1 if angles.size < 4 else 2 if angles.size < 6 else 3
    data = np.log(np.maximum(values, 1e-12)) if log else values
    coefficients = _robust_fit(_basis(angles, terms), data)

    def smooth(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return _basis(at, terms) @ coefficients

    wanted = np.asarray(targets, dtype=np.float64)
    low, high = float(angles.min()), float(angles.max())
    result = smooth(np.clip(wanted, low, high))
    outside = (wanted < low) | (wanted > high)
    if outside.any():
        # across the wedge, from the last angle on to the first one plus 180 degrees
        ends = smooth(np.array([high, low]))
        along = np.where(wanted > high, wanted, wanted + HALF_TURN)[outside]
        result[outside] = np.interp(along, [high, low + HALF_TURN], ends)
    return np.exp(result) if log else result


def _robust_fit(basis: NDArray[np.float64], data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Iteratively reweighted least squares with Cauchy weights: outlier tilts do not count."""
    weights = np.ones_like(data)
    coefficients: NDArray[np.float64] = np.zeros(basis.shape[1])
    for _ in range(20):
        root = np.sqrt(weights)
        solved, *_ = np.linalg.lstsq(basis * root[:, None], data * root, rcond=None)
        coefficients = np.asarray(solved, dtype=np.float64)
        residual = data - basis @ coefficients
        sigma = 1.4826 * np.median(np.abs(residual)) + 1e-9 * (1 + np.abs(data).max())
        weights = 1 / (1 + (residual / (2.4 * sigma)) ** 2)
    return coefficients

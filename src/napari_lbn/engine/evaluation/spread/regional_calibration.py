"""Calibration of the disagreement in regions of the tomogram, which is what a reader looks at.

Voxel by voxel, an error has a random sign and size that no spread can rank. In regions of some
voxels a side two questions have an answer: does more structure that is not in the truth lie where
the spread is high, and does the added structure agree less with the truth where the spread is high
for its strength?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

from ...errors import InputError
from .relative import REGION

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUARTERS = 4
FEWEST_REGIONS = 16


@dataclass(frozen=True, kw_only=True)
class RegionalCalibration:
    """How far the spread tells regions that are wrong.

    Attributes
    ----------
    invented : float
        Rank correlation, over regions, of the spread with the strength of what the mean holds
        and the truth does not.
    invented_by_strength : float
        The same with the strength of the mean itself instead of the spread: the line to beat.
    agreement : float
        Rank correlation of the spread, divided by the strength of the mean, with the lack of
        correlation between mean and truth in the region.
    correlations : tuple of float
        Mean correlation with the truth in each quarter of that relative spread, ascending.
    """

    invented: float
    invented_by_strength: float
    agreement: float
    correlations: tuple[float, ...]


def calibrate_regions(
    mean: NDArray[Any], spread: NDArray[Any], truth: NDArray[Any], *, side: int = REGION
) -> RegionalCalibration:
    """Compare mean and spread with the truth, region by region.

    Parameters
    ----------
    mean, spread : ndarray
        ``(z, y, x)`` what synthesized tilts add to a tomogram, over subsets.
    truth : ndarray
        ``(z, y, x)`` what the true tilts would have added, in any units.
    side : int
        Voxels along each side of a region; what fills no region is left out.

    Raises
    ------
    InputError
        Different shapes, or too small for some regions.
    """
    if not mean.shape == spread.shape == truth.shape or mean.ndim != 3:
        raise InputError(f"Volumes of {mean.shape}, {spread.shape}, {truth.shape} do not match.")
    if np.prod([n // side for n in mean.shape]) < FEWEST_REGIONS:
        raise InputError(f"A volume of {mean.shape} voxels has too few regions of {side}.")
    found, true = _standardised(mean), _standardised(truth)
    scatter = np.asarray(spread, dtype=np.float64) / float(mean.std() or 1.0)
    residual = found - float((found * true).mean()) * true
    strength, own = _power(found, side), _power(scatter, side)
    cross = _means(found * true, side)
    tiny = np.finfo(np.float64).tiny
    local = cross / np.maximum(strength * _power(true, side), tiny)
    relative = own / np.maximum(strength, tiny)
    invented = _power(residual, side)
    quarters = np.array_split(np.argsort(relative, kind="stable"), QUARTERS)
    return RegionalCalibration(
        invented=_rank(own, invented),
        invented_by_strength=_rank(strength, invented),
        agreement=_rank(relative, -local),
        correlations=tuple(float(local[q].mean()) for q in quarters),
    )


def _standardised(volume: NDArray[Any]) -> NDArray[np.float64]:
    values = np.asarray(volume, dtype=np.float64)
    values = values - values.mean()
    return np.asarray(values / (values.std() or 1.0))


def _means(volume: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Mean of each region, in one row."""
    nz, ny, nx = (n // side for n in volume.shape)
    whole = volume[: nz * side, : ny * side, : nx * side]
    blocks = whole.reshape(nz, side, ny, side, nx, side)
    return np.asarray(blocks.mean(axis=(1, 3, 5)).ravel())


def _power(volume: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Root mean square in each region."""
    return np.sqrt(_means(volume**2, side))


def _rank(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(spearmanr(a, b).statistic) if a.std() > 0 and b.std() > 0 else 0.0

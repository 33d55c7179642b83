"""Calibration of the disagreement: on simulated truth, a high spread must mean a high error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

from ...errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECILES = 10
LARGE_ERRORS = 0.1
"""The share of pixels that counts as those with large errors."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How far the spread tells the true error.

    Attributes
    ----------
    rank_correlation : float
        Spearman's, of spread and absolute error.
    spread, error : tuple of float
        Root mean square in each decile of the spread, ascending.
    large_errors_with_low_spread : float
        Share of the largest tenth of the errors that lies where the spread is below its
        median: what the spread fails to warn of. One half where it says nothing.
    """

    rank_correlation: float
    spread: tuple[float, ...]
    error: tuple[float, ...]
    large_errors_with_low_spread: float


def calibrate(spread: NDArray[Any], error: NDArray[Any]) -> Calibration:
    """Compare spread and true error, pixel by pixel.

    Parameters
    ----------
    spread, error : ndarray
        Of the same shape and units.

    Raises
    ------
    InputError
        Different shapes, or fewer than ten pixels.
    """
    if spread.shape != error.shape or spread.size < DECILES:
        raise InputError(f"Spread {spread.shape} and error {error.shape} cannot be compared.")
    s = np.asarray(spread, dtype=np.float64).ravel()
    e = np.abs(np.asarray(error, dtype=np.float64)).ravel()
    order = np.argsort(s, kind="stable")
    parts = np.array_split(order, DECILES)
    large = e >= np.quantile(e, 1 - LARGE_ERRORS)
    low = s < np.median(s)
    rank = float(spearmanr(s, e).statistic) if s.std() > 0 and e.std() > 0 else 0.0
    return Calibration(
        rank_correlation=rank,
        spread=tuple(float(np.sqrt(np.mean(s[p] ** 2))) for p in parts),
        error=tuple(float(np.sqrt(np.mean(e[p] ** 2))) for p in parts),
        large_errors_with_low_spread=float(low[large].mean()),
    )

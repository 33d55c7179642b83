"""What tilts near 90 degrees show: how much of it any measured tilt has seen, and scores in bins.

At a steep tilt a ray runs far beyond the field of view of the untilted specimen, through
material that is on no measured tilt. No method can predict that part, so scores in the
missing wedge come in bins of the angle, each beside the share that was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .metrics import FULL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from .hold_out.scores import Score

RAYS, STEPS = 48, 384
"""Rays across the detector, and points on each."""

STEEPEST = 89.9
"""Degrees; at 90 a ray in an endless slab has no end."""


@dataclass(frozen=True, kw_only=True)
class AngleBin:
    """Mean scores of the tilts in one range of absolute angles.

    Attributes
    ----------
    low, high : float
        Degrees, ``low <= |angle| < high``.
    seen : float
        Mean share of the rays inside material that some measured tilt has seen.
    correlation : dict
        Mean by method.
    count : int
        Tilts of one method.
    """

    low: float
    high: float
    seen: float
    correlation: dict[str, float]
    count: int


def seen_fraction(
    angles: ArrayLike, measured: ArrayLike, *, width: float, thickness: float
) -> NDArray[np.float64]:
    """Share of each tilt's rays inside material that some measured tilt has seen.

    The specimen is taken as an endless slab at right angles to the untilted beam; a point of
    it is seen by a tilt on whose detector it lands.

    Parameters
    ----------
    angles : array_like
        ``(n,)`` degrees, the tilts asked about.
    measured : array_like
        ``(m,)`` degrees.
    width : float
        Of the field of view across the tilt axis, pixels.
    thickness : float
        Of the slab, pixels.

    Returns
    -------
    ndarray
        ``(n,)`` from 0 to 1.
    """
    seen_from = np.deg2rad(np.asarray(measured, np.float64))
    q = (np.arange(RAYS) + 0.5) / RAYS * width - width / 2
    z = (np.arange(STEPS) + 0.5) / STEPS * thickness - thickness / 2
    shares = []
    for angle in np.deg2rad(np.clip(np.asarray(angles, np.float64), -STEEPEST, STEEPEST)):
        # Equal steps along z are equal steps along the ray.
        x = (q[:, None] - z * np.sin(angle)) / np.cos(angle)
        seen = np.zeros(x.shape, bool)
        for tilt in seen_from:
            seen |= np.abs(x * np.cos(tilt) + z * np.sin(tilt)) <= width / 2
        shares.append(seen.mean())
    return np.array(shares)


def angle_bins(
    scores: Iterable[Score],
    seen: Sequence[tuple[float, float]],
    edges: Sequence[float],
    *,
    scale: str = FULL,
) -> list[AngleBin]:
    """Mean scores in bins of the absolute angle.

    Parameters
    ----------
    scores : iterable of Score
        Of tilts in the wedge.
    seen : sequence of (float, float)
        (angle in degrees, share that was seen) of every tilt of every series.
    edges : sequence of float
        Ascending limits of the bins, degrees. Bins without a tilt are left out.
    scale : str
        Resolution or band.
    """
    chosen = [score for score in scores if score.scale == scale]
    bins = []
    for low, high in pairwise(edges):
        inside = [score for score in chosen if low <= abs(score.angle) < high]
        if not inside:
            continue
        methods = dict.fromkeys(score.method for score in inside)
        correlation = {
            method: float(np.mean([s.correlation for s in inside if s.method == method]))
            for method in methods
        }
        shares = [share for angle, share in seen if low <= abs(angle) < high]
        bins.append(
            AngleBin(
                low=low,
                high=high,
                seen=float(np.mean(shares)) if shares else float("nan"),
                correlation=correlation,
                count=len(inside) // len(methods),
            )
        )
    return bins

"""The axis of a curve: made for the curve, not for a baseline that lies far from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SMALLEST = 0.01
"""Correlation or variances that an axis spans at least: less is no difference worth seeing."""
MARGIN, FOR_WORDS = 0.06, 0.2
"""Shares of the span that an edge gets, without and with words in it."""


@dataclass(frozen=True, kw_only=True)
class CurveScale:
    """Limits of an axis, and what lies beyond them.

    Attributes
    ----------
    low, high : float
        Limits.
    below, above : mapping
        Baselines that are not in view, with their values, nearest first.
    """

    low: float
    high: float
    below: Mapping[str, float]
    above: Mapping[str, float]

    def __contains__(self, value: float) -> bool:
        """Whether a value is in view."""
        return self.low <= value <= self.high


def scale_to(own: Iterable[float], baselines: Mapping[str, float]) -> CurveScale | None:
    """The axis for a curve, the baseline nearest to it, and others that are not far.

    Parameters
    ----------
    own : iterable of float
        The curve's values; NaN is none. Without any the axis is that of the baselines.
    baselines : mapping
        Values by name. One is in view if it at most doubles the span.

    Returns
    -------
    CurveScale or None
        None where there is nothing to draw.
    """
    known = {name: value for name, value in baselines.items() if math.isfinite(value)}
    finite = [value for value in own if math.isfinite(value)] or list(known.values())
    if not finite:
        return None
    low, high = min(finite), max(finite)

    def distance(name: str) -> float:
        return max(low - known[name], known[name] - high, 0.0)

    nearest_first = sorted(known, key=distance)
    far = []
    for number, name in enumerate(nearest_first):
        if number == 0 or distance(name) <= max(high - low, SMALLEST):
            low, high = min(low, known[name]), max(high, known[name])
        else:
            far.append(name)
    below = {name: known[name] for name in far if known[name] < low}
    above = {name: known[name] for name in far if known[name] > high}
    missing = max(SMALLEST - (high - low), 0.0) / 2
    low, high = low - missing, high + missing
    span = high - low
    return CurveScale(
        low=low - span * (FOR_WORDS if below else MARGIN),
        high=high + span * (FOR_WORDS if above else MARGIN),
        below=below,
        above=above,
    )

"""What a report shows beside the evaluation itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..exchange.placement import Placement
    from ..fsc import FSCCurve


@dataclass(frozen=True, kw_only=True, eq=False)
class CurveSet:
    """Fourier shell correlations of one pair of tomograms.

    Attributes
    ----------
    stem : str
        Of the figure's file name; also what JSON calls them.
    title : str
        Says which pair.
    curves : dict
        By region.
    """

    stem: str
    title: str
    curves: dict[str, FSCCurve]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportExtras:
    """What a report shows beside the evaluation itself.

    Attributes
    ----------
    placements : dict or None
        How tomograms of other programs lay, by (fold, method).
    curve_sets : tuple of CurveSet
        Fourier shell correlations.
    """

    placements: dict[tuple[str, str], Placement] | None = None
    curve_sets: tuple[CurveSet, ...] = ()

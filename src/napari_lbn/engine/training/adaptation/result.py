"""What an adaptation tells on the way, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...events import Event

if TYPE_CHECKING:
    from ...network import LBN
    from .check import AdaptationScores


@dataclass(frozen=True, kw_only=True, eq=False)
class AdaptationScored(Event):
    """The state on the way was compared on the tilts that never train.

    Attributes
    ----------
    seconds : float
        Since the adaptation began.
    step : int
        Optimizer steps so far; 0 for the weights that it began with.
    scores : AdaptationScores
    best : bool
        Whether this is the best state so far.
    """

    seconds: float
    step: int
    scores: AdaptationScores
    best: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Adaptation:
    """What came of it.

    Attributes
    ----------
    network : LBN
        The best state, in evaluation mode; the original one where nothing was better.
    improved : bool
        Whether it is another than the original.
    record : dict
        For the provenance of everything that is made with it.
    """

    network: LBN
    improved: bool
    record: dict[str, Any]

    @property
    def sentence(self) -> str:
        """In plain words."""
        before, after = (self.record[k]["correlations"] for k in ("before", "after"))
        if not self.improved:
            return (
                "Adapting to this series did not improve the prediction of tilts kept from it "
                f"(correlation {before[0]:.3f}): the weights are used as they were."
            )
        return (
            f"Adapted to this series in {self.record['seconds']:.0f} s: tilts kept from it are "
            f"predicted with correlation {after[0]:.3f} instead of {before[0]:.3f}."
        )

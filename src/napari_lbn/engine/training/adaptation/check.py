"""What an adaptation is judged by: tilts of the series that it never trains on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...errors import InputError
from ..optimisation.precision import fastest_precision
from ..optimisation.state import PRECISIONS
from ..validation import HoldOut, Scores, hold_out, predict_hold_out, score, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...network import LBN
    from ...tilt_series import TiltSeries

FEWEST = 12
"""Tilts that a series needs, to train on some and keep some."""
CROP = 192
"""Pixels a side on which the kept tilts are predicted."""


@dataclass(frozen=True, kw_only=True)
class AdaptationScores:
    """How well the kept tilts are predicted.

    Attributes
    ----------
    between, edges : Scores
        Of the tilts between trained ones, and of the outermost ones, next to the wedge.
    """

    between: Scores
    edges: Scores

    def better_than(self, best: AdaptationScores, before: AdaptationScores) -> bool:
        """Whether this is better than the best so far, and nowhere worse than at the start."""
        nowhere_worse = self.between.mse < before.between.mse and self.edges.mse <= before.edges.mse
        return nowhere_worse and self._relative(before) < best._relative(before)

    def _relative(self, before: AdaptationScores) -> float:
        return self.between.mse / before.between.mse + self.edges.mse / before.edges.mse

    def as_record(self) -> dict[str, Any]:
        """For provenance: of all kept tilts, full resolution, averaged 2 × 2 and 4 × 4."""
        pairs = zip(self.between.correlations, self.edges.correlations, strict=True)
        return {
            "mse_between": round(self.between.mse, 5),
            "mse_edges": round(self.edges.mse, 5),
            "correlations_between": [round(c, 4) for c in self.between.correlations],
            "correlations_edges": [round(c, 4) for c in self.edges.correlations],
            "correlations": [round((a + b) / 2, 4) for a, b in pairs],
        }


def choose_validation(series: TiltSeries, every: int) -> tuple[TiltSeries, list[int]]:
    """A series without the tilts that are kept from training, and the indices of those.

    Every n-th inner tilt and the outermost one of each side: interpolation alone would
    choose states that extrapolate badly, and the wedge asks for extrapolation.

    Raises
    ------
    InputError
        Too few tilts.
    """
    included = series.included
    if included.size < FEWEST:
        raise InputError(
            f"{series.name}: {included.size} tilts are too few to adapt to; it takes {FEWEST}.",
            "Run without adapting.",
        )
    edges = [int(included[0]), int(included[-1])]
    inner = series.with_excluded(series.excluded | set(edges))
    training, between = split(inner, min(every, (inner.included.size - 2) // 2), offset=every // 2)
    return training, sorted([*edges, *map(int, between)])


class AdaptationCheck:
    """The kept tilts in a central crop, and what they are predicted from.

    Parameters
    ----------
    training : TiltSeries
        Without the kept tilts.
    held : list of int
        Their indices: those beyond the training tilts are the edges.
    thickness : int
        Pixels.
    """

    def __init__(self, training: TiltSeries, held: list[int], thickness: int) -> None:
        self._case = hold_out(training, np.asarray(held, dtype=np.intp), thickness, CROP)
        visible, angles = self._case.visible_angles, self._case.target_angles
        self._edges = (angles < visible[0]) | (angles > visible[-1])

    def scores(self, network: LBN) -> AdaptationScores:
        """Of a network on any device, in the precision in which it trains."""
        device = network.device
        precision = fastest_precision(str(device))
        with torch.autocast(device.type, PRECISIONS[precision], enabled=precision != "float32"):
            made = predict_hold_out(network, self._case)
        return AdaptationScores(
            between=self._score(made, ~self._edges), edges=self._score(made, self._edges)
        )

    def _score(self, made: NDArray[np.float32], which: NDArray[np.bool_]) -> Scores:
        case = self._case
        part: HoldOut = replace(
            case, targets=case.targets[which], target_angles=case.target_angles[which]
        )
        return score([made[which]], [part])

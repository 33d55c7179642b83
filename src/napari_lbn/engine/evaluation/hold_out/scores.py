"""What hold-outs measure: a score for each hidden tilt, method and scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...events import Event
from ..metrics import VIEW, Agreement, agreements, correlation, field_of_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from .ceiling import Ceiling
    from .folds import Fold

FACTORS = (1, 2, 4)
"""Pixels over which tilts are averaged before they are compared."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One method's prediction of one hidden tilt, at one scale.

    Attributes
    ----------
    kind, fold : str
        Of the hold-out: "leave-one-out" and "tilt 7", "k-fold" and "part 2 of 5", "edge"
        and "edge 6".
    method : str
    angle : float
        Degrees.
    scale : str
        "full", "2x2", "4x4", "view" (full resolution in the `metrics.field_of_view`), or a
        frequency band.
    correlation, mse, mse_scaled : float
        See `metrics.Agreement`.
    in_sample : bool
        True where the prediction comes from a tomogram made with this tilt: not to be ranked.
    """

    kind: str
    fold: str
    method: str
    angle: float
    scale: str
    correlation: float
    mse: float
    mse_scaled: float
    in_sample: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class TiltScored(Event):
    """A hidden tilt was predicted by one method.

    Attributes
    ----------
    scores : tuple of Score
        At every scale.
    predicted, truth : ndarray
        ``(y, x)`` float32; the truth has mean 0 and standard deviation 1, the prediction
        any scale.
    """

    scores: tuple[Score, ...]
    predicted: NDArray[np.float32]
    truth: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldOutResult:
    """Everything that hold-outs measured.

    Attributes
    ----------
    scores : tuple of Score
    ceilings : tuple of Ceiling
        For each hidden tilt and scale.
    sigmas : dict
        Pixels of the low-pass chosen, by (fold, method).
    """

    scores: tuple[Score, ...]
    ceilings: tuple[Ceiling, ...] = ()
    sigmas: dict[tuple[str, str], float] = field(default_factory=dict)

    def of_kind(self, kind: str) -> HoldOutResult:
        """Only the scores of one kind of hold-out."""
        kept = tuple(s for s in self.scores if s.kind == kind)
        return HoldOutResult(scores=kept, ceilings=self.ceilings, sigmas=self.sigmas)

    def of_fold(self, fold: str) -> HoldOutResult:
        """Only the scores of one fold."""
        kept = tuple(s for s in self.scores if s.fold == fold)
        return HoldOutResult(scores=kept, ceilings=self.ceilings, sigmas=self.sigmas)


def tilt_scores(
    fold: Fold,
    method: str,
    angle: float,
    predicted: NDArray[np.float32],
    truth: NDArray[np.float32],
    *,
    in_sample: bool = False,
) -> Iterator[Score]:
    """Scores of one predicted tilt at every scale."""
    in_view = correlation(field_of_view(predicted, angle), field_of_view(truth, angle))
    every = agreements(predicted, truth, FACTORS) | {VIEW: Agreement.of_correlation(in_view)}
    for scale, found in every.items():
        yield Score(
            kind=fold.kind,
            fold=fold.name,
            method=method,
            angle=float(angle),
            scale=scale,
            correlation=found.correlation,
            mse=found.mse,
            mse_scaled=found.mse_scaled,
            in_sample=in_sample,
        )

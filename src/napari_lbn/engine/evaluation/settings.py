"""What an evaluation is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .hold_out.folds import Fold, edge_fold, k_fold, leave_one_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..correct import CorrectionSettings
    from ..tilt_series import TiltSeries

CHECK_FOLDS = 5
CHECK_EDGES = (6.0, 12.0, 18.0)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """What is evaluated.

    Attributes
    ----------
    correction : CorrectionSettings
        As for the correction that is being judged.
    folds : int
        Of the k-fold hold-out; 0 for the exact leave-one-out, -1 for none.
    edges : tuple of float
        Degrees of the edge hold-outs; those too wide for the series are left out.
    sirt : bool
        SIRT as a further baseline.
    geometry : bool
        Try other geometries, to catch a wrong axis, order or increment.
    alteration : bool
        Run the correction itself and measure what it changed outside the wedge.
    nulls : bool
        Null tests.
    subsets : int
        Of the disagreement; 0 leaves it out.
    """

    correction: CorrectionSettings
    folds: int = CHECK_FOLDS
    edges: tuple[float, ...] = CHECK_EDGES
    sirt: bool = False
    geometry: bool = True
    alteration: bool = False
    nulls: bool = False
    subsets: int = 0


def make_folds(series: TiltSeries, settings: EvaluationSettings) -> Iterator[Fold]:
    """The folds that the settings ask for, edges too wide for the series left out.

    Raises
    ------
    InputError
        Nothing is left to do.
    """
    count = 0
    chosen: list[Fold] = []
    if settings.folds > 0:
        chosen = k_fold(series, settings.folds)
    elif settings.folds == 0:
        chosen = leave_one_out(series)
    for fold in chosen:
        count += 1
        yield fold
    angles = series.included_angles
    for degrees in settings.edges:
        if 2 * degrees < 0.7 * (angles[-1] - angles[0]):
            count += 1
            yield edge_fold(series, degrees)
    if count == 0:
        raise InputError(f"{series.name}: no hold-out is left to do.")

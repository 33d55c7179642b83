"""Tables over angle ranges, in the layout of the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import FULL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ..hold_out.scores import Score


@dataclass(frozen=True, kw_only=True)
class RangeRow:
    """Means of one method, in the layout of the paper's tables.

    Attributes
    ----------
    method : str
    mse, mse_scaled, correlation : float
        Over all angles.
    by_range : dict
        Mean over the paper's ranges of angles, by `range_names`; NaN where one is empty.
    in_sample : bool
    """

    method: str
    mse: float
    mse_scaled: float
    correlation: float
    by_range: dict[str, float]
    in_sample: bool = False


def range_names(edge: float) -> tuple[str, str, str, str, str]:
    """Names of the paper's five ranges: a = 20 in its Table 1, 66 in Table 2."""
    a = f"{edge:g}°"
    return f"θ < -{a}", f"-{a} ≤ θ < 0", "0", f"0 < θ ≤ {a}", f"θ > {a}"


def range_masks(angles: NDArray[np.float64], edge: float) -> dict[str, NDArray[np.bool_]]:
    """Which angles fall into each of the paper's ranges; 0 is the tilt within half a degree."""
    zero = np.abs(angles) < 0.5
    return dict(
        zip(
            range_names(edge),
            (
                angles < -edge,
                (angles >= -edge) & (angles < 0) & ~zero,
                zero,
                (angles > 0) & (angles <= edge) & ~zero,
                angles > edge,
            ),
            strict=True,
        )
    )


def table(
    scores: Iterable[Score], *, edge: float = 20.0, scale: str = FULL, measure: str = "correlation"
) -> list[RangeRow]:
    """One row a method, in the paper's layout.

    Parameters
    ----------
    scores : iterable of Score
        Of one kind of hold-out.
    edge : float
        Degrees that separate the ranges: 20 in the paper's Table 1, 66 in Table 2.
    scale : str
        Resolution or band.
    measure : str
        What `by_range` holds: "correlation" (Table 1) or "mse" (Table 2).
    """
    chosen = [s for s in scores if s.scale == scale]
    rows = []
    for method in dict.fromkeys(s.method for s in chosen):
        own = [s for s in chosen if s.method == method]
        angles = np.array([s.angle for s in own])
        values = np.array([getattr(s, measure) for s in own])
        by_range = {
            name: float(values[mask].mean()) if mask.any() else float("nan")
            for name, mask in range_masks(angles, edge).items()
        }
        rows.append(
            RangeRow(
                method=method,
                mse=float(np.mean([s.mse for s in own])),
                mse_scaled=float(np.mean([s.mse_scaled for s in own])),
                correlation=float(np.mean([s.correlation for s in own])),
                by_range=by_range,
                in_sample=any(s.in_sample for s in own),
            )
        )
    return rows

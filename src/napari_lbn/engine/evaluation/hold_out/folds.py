"""Which tilts are hidden together: leave-one-out, k-fold and the edges of the tilt range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError

if TYPE_CHECKING:
    from ...tilt_series import TiltSeries


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Tilts that are hidden together.

    Attributes
    ----------
    name : str
        "tilt 7", "part 2 of 5", "edge 6".
    kind : str
        "leave-one-out", "k-fold" or "edge".
    hidden : tuple of int
        Indices into the series' angles, ascending.
    """

    name: str
    kind: str
    hidden: tuple[int, ...]

    def visible(self, series: TiltSeries) -> TiltSeries:
        """The series without the hidden tilts."""
        return series.with_excluded(series.excluded | set(self.hidden))


def leave_one_out(series: TiltSeries) -> list[Fold]:
    """Each tilt in use hidden on its own, or with those that were taken at the same angle."""
    angles = series.included_by_angle
    _require(len(angles) - 1, series, "leave-one-out")
    return [Fold(name=f"tilt {i[0]}", kind="leave-one-out", hidden=i) for i in angles]


def k_fold(series: TiltSeries, k: int) -> list[Fold]:
    """Every k-th tilt hidden, k times, so that each is hidden once.

    Tilts of one angle are hidden together: one would tell the other.

    Raises
    ------
    InputError
        Fewer than two tilts would stay visible, or k below 2.
    """
    angles = series.included_by_angle
    k = min(k, len(angles))
    if k < 2:
        raise InputError(f"{k} folds hide everything at once.", "Use at least 2, better 5.")
    _require(len(angles) - -(-len(angles) // k), series, f"{k}-fold")
    return [
        Fold(
            name=f"part {part + 1} of {k}",
            kind="k-fold",
            hidden=tuple(i for same in angles[part::k] for i in same),
        )
        for part in range(k)
    ]


def edge_fold(series: TiltSeries, degrees: float) -> Fold:
    """The outermost `degrees` of measured tilts hidden at both ends.

    At 6 degrees and an increment of 3 degrees, two tilts of each end.

    Raises
    ------
    InputError
        Nothing hidden, or fewer than two tilts left.
    """
    if not degrees > 0:
        raise InputError(f"An edge of {degrees:g} degrees hides nothing.")
    angles = series.included_angles
    first, last = angles[0] + degrees - 1e-6, angles[-1] - degrees + 1e-6
    outer = (angles < first) | (angles > last)
    _require(int((~outer).sum()), series, f"an edge of {degrees:g} degrees")
    hidden = tuple(int(i) for i in series.included[outer])
    return Fold(name=f"edge {degrees:g}", kind="edge", hidden=hidden)


def _require(visible: int, series: TiltSeries, name: str) -> None:
    if visible < 2:
        raise InputError(
            f"{series.name}: {name} leaves fewer than two visible tilts.",
            "Hold-outs need more tilts, or a smaller edge.",
        )

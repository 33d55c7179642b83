"""Where a reconstruction takes its tilts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .wbp import ReadRows


@dataclass(frozen=True, kw_only=True, eq=False)
class TiltSource:
    """Tilts that a method reads as it needs them.

    Attributes
    ----------
    read_rows : callable
        Gives rows of y of every tilt, ``(n_tilts, rows, x)``, on one common scale.
    angles : ndarray
        ``(n_tilts,)`` degrees.
    shape_yx : tuple of int
        Size of the tilts in pixels.
    weights : ndarray or None
        ``(n_tilts,)`` angular weights in radians, for back-projection.
    shares : ndarray or None
        ``(n_tilts,)`` how much each tilt counts in an iterative method; all alike by
        default.
    synthesized : ndarray or None
        ``(n_tilts,)`` which tilts a network made; none by default.
    rows : tuple of int or None
        First and last row (excluded) to reconstruct; all by default. Others may still be
        read, where a method couples neighbouring rows.
    """

    read_rows: ReadRows
    angles: NDArray[np.float64]
    shape_yx: tuple[int, int]
    weights: NDArray[np.float64] | None = None
    shares: NDArray[np.float64] | None = None
    synthesized: NDArray[np.bool_] | None = None
    rows: tuple[int, int] | None = None

    @property
    def row_range(self) -> tuple[int, int]:
        """First and last row to reconstruct, the latter excluded."""
        return (0, self.shape_yx[0]) if self.rows is None else self.rows

    @property
    def n_rows(self) -> int:
        """Rows to reconstruct."""
        first, last = self.row_range
        return last - first

    def read_own_rows(self, rows: slice) -> NDArray[np.float32]:
        """Rows counted from the first one to reconstruct."""
        first, _ = self.row_range
        start, stop, _ = rows.indices(self.n_rows)
        return self.read_rows(slice(first + start, first + stop))

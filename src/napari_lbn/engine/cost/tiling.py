"""How much of the network's work is done at a time, so that it fits into memory.

Tilts pass encoder and decoder a few at a time, each on its own, so the number changes
nothing. Within a tilt or the latent volume, convolutions run in bands of rows with exact
statistics (`network.layers`), so the band height changes nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TILTS = {"cpu": 2, "cuda": 8, "mps": 4}
"""Tilts at once: enough to fill the device, few enough to cancel soon."""
MIN_ROWS, MIN_TILT_ROWS = 2, 8
"""Of the latent volume, and of tilts, whose wide kernels need much beside each band."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Pieces in which the network works.

    Attributes
    ----------
    tilts : int
        Tilts that pass encoder or decoder together.
    rows : int or None
        Height of the bands, in rows of each layer's own output; None is in one piece.
    """

    tilts: int
    rows: int | None

    @property
    def tilt_rows(self) -> int | None:
        """Height of the bands in encoder and decoder."""
        return None if self.rows is None else max(self.rows, MIN_TILT_ROWS)

    def smaller(self) -> Tiling | None:
        """The next smaller tiling; None where there is none."""
        if self.tilts > 1:
            return Tiling(tilts=max(self.tilts // 2, 1), rows=self.rows)
        if self.rows is None:
            return Tiling(tilts=1, rows=64)
        if self.rows > MIN_ROWS:
            return Tiling(tilts=1, rows=self.rows // 2)
        return None

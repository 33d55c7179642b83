"""Tilts from one latent volume, a few at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..network import in_bands
from ..network.coarse import known_shares
from ..network.edge_on import re_project_tilts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..cost.tiling import Tiling
    from ..network import LBN
    from ..network.latent_grid import LatentGrid

AHEAD = 8
"""Tilts re-projected at once: whatever their number, all of the latent volume is read."""


@dataclass(kw_only=True)
class Decoding:
    """Decodes tilts at some of the angles, in their order.

    Attributes
    ----------
    network : LBN
        On the volume's device.
    volume : Tensor
        Complete latent volume, or that of the box alone.
    grid : LatentGrid
        Of the volume.
    size : tuple of int
        (y, x) pixels of a tilt.
    measured : ndarray
        ``(n,)`` degrees of the tilts that the volume was made from.
    angles : ndarray
        ``(m,)`` degrees.
    indices : ndarray
        ``(m,)`` which of all tilts these are.
    box_alone : bool
        What the volume is.
    first : int
        The next to decode.
    """

    network: LBN
    volume: Tensor
    grid: LatentGrid
    size: tuple[int, int]
    measured: NDArray[np.float64]
    angles: NDArray[np.float64]
    indices: NDArray[np.int64]
    box_alone: bool = False
    first: int = 0
    _ahead: tuple[int, Tensor] = field(default_factory=lambda: (0, torch.empty(0)))

    @property
    def ended(self) -> bool:
        """Whether every tilt was taken."""
        return self.first >= self.indices.size

    def next_tilts(self, tiling: Tiling) -> NDArray[np.float32]:
        """The next tilts ``(k, y, x)``, normalised; the same again until they are `taken`."""
        latents = self._projected()[: tiling.tilts]
        with in_bands(tiling.tilt_rows):
            if self.box_alone:
                images = self.network.decode_box(latents, self.size)
            else:
                angles = self.angles[self.first : self.first + len(latents)]
                known = known_shares(self.measured, angles, latents.device)
                images = self.network.decode(latents, self.size, known)
        return images[:, 0].float().cpu().numpy()

    def taken(self, count: int) -> NDArray[np.int64]:
        """Go on behind so many tilts; which they were."""
        start, self.first = self.first, self.first + count
        return self.indices[start : self.first]

    def _projected(self) -> Tensor:
        """Latents of the next tilts; more at a time than are decoded at once."""
        start, latents = self._ahead
        if not start <= self.first < start + len(latents):
            angles = self.angles[self.first : self.first + AHEAD]
            start, latents = self.first, re_project_tilts(self.volume, angles, self.grid)
            self._ahead = start, latents
        return latents[self.first - start :]

"""A second 3D UNet, for what is finer than a latent pixel. Not in the paper.

To the paper's UNet a cube of D x D x D image pixels is one voxel with many channels, and it
has to say everything about them at once. But the image channels of the latent volume, put
in order, are a volume of the specimen on a lattice of D / s pixels: there, a few small
convolutions that are the same everywhere correct what noise and the missing wedge did to
details a few pixels wide.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .latent_grid import round_up
from .lattice_unet import LatticeUNet
from .layers import band_rows, in_bands
from .subpixels import to_channels, to_fine

if TYPE_CHECKING:
    from .config import LBNConfig
    from .latent_grid import LatentGrid

PIECE = 6_000_000
"""Voxels of the lattice corrected at once, what they depend on included."""
WHOLE_BANDS = 64
"""Rows of `layers.in_bands` from which on pieces are that large; fewer make them smaller."""
MIN_SIDE = 32
HALF_TURN = (-3, -1)
"""Axes of a lattice that change their direction with 180 degrees about y."""


class FineUNet(LatticeUNet):
    """Correction of the image channels of a latent volume.

    There are no statistics but one scale, so a place comes out the same in any volume.

    Parameters
    ----------
    config : LBNConfig
        Its `fine_widths` are not empty.
    """

    def __init__(self, config: LBNConfig) -> None:
        levels = len(config.fine_widths)
        n_image = config.downsampling * config.subpixels**2
        step = config.downsampling // config.subpixels
        super().__init__(step, step, config.fine_widths, config.slope)
        self.subpixels, self.step, self.n_image = config.subpixels, step, n_image
        self.reach = reach_of(levels)

    def forward(self, volume: Tensor, grid: LatentGrid) -> Tensor:
        """Correct a latent volume in the field of view.

        Parameters
        ----------
        volume : Tensor
            ``(c, z, y, x)``, the image channels last.
        grid : LatentGrid
            Its own; beyond the untilted view, which few tilts have seen, nothing changes.

        Returns
        -------
        Tensor
            Same shape, float32.
        """
        view = grid.view
        seen = volume[-self.n_image :, ..., view]
        scale = seen.float().std().clamp_min(1e-12)
        changes = self._in_pieces(seen, scale)
        # volumes are large: in place where no derivative needs what was there
        corrected = volume.float().clone() if torch.is_grad_enabled() else volume
        corrected[-self.n_image :, ..., view] += changes
        return corrected

    def _in_pieces(self, seen: Tensor, scale: Tensor) -> Tensor:
        """Corrections in pieces of y and x, which overlap so far that nothing changes."""
        depth, height, width = seen.shape[1:]
        side = piece_side(depth * self.subpixels, self.subpixels, band_rows()) // self.subpixels
        if torch.is_grad_enabled() or side >= max(height, width):
            return self._changes(seen, scale)
        changes = seen.new_empty((self.n_image, depth, height, width), dtype=torch.float32)
        overlap = self.reach // self.subpixels
        for (y, around_y), (x, around_x) in product(
            _pieces(height, side, overlap), _pieces(width, side, overlap)
        ):
            piece = self._changes(seen[:, :, around_y, around_x], scale)
            inner_y = slice(y.start - around_y.start, y.stop - around_y.start)
            inner_x = slice(x.start - around_x.start, x.stop - around_x.start)
            changes[:, :, y, x] = piece[:, :, inner_y, inner_x]
        return changes

    def _changes(self, seen: Tensor, scale: Tensor) -> Tensor:
        """Corrections of image channels ``(c, z, y, x)``."""
        lattice = self.to_lattice(to_fine(seen.float(), self.subpixels))
        with in_bands(None):  # a piece is small enough
            made = self._both_ways(lattice[None] / scale)[0] * scale
        return to_channels(self.from_lattice(made, self.step * self.subpixels), self.subpixels)

    def _both_ways(self, lattice: Tensor) -> Tensor:
        """Corrections, in use the mean with those of the lattice turned by 180 degrees about y.

        A specimen turned is as good a specimen, and what the two have in common is better.
        """
        made = self.corrections(lattice).float()
        if torch.is_grad_enabled():
            return made
        turned = self.corrections(lattice.flip(HALF_TURN)).float()
        return made.add_(turned.flip(HALF_TURN)).mul_(0.5)

    def to_lattice(self, fine: Tensor) -> Tensor:
        """Fine ``(z, x, D, y)`` to ``(D / s, z, s y, x)``: the same distance along each axis."""
        depth, width = fine.shape[:2]
        lines = fine.permute(0, 3, 2, 1).reshape(depth, -1, self.step, width)
        return lines.permute(2, 0, 1, 3)

    @staticmethod
    def from_lattice(lattice: Tensor, rows: int) -> Tensor:
        """The inverse of `to_lattice`; `rows` is D."""
        step, depth, height, width = lattice.shape
        lines = lattice.permute(1, 2, 0, 3).reshape(depth, height * step // rows, rows, width)
        return lines.permute(0, 3, 2, 1)


def _pieces(length: int, side: int, overlap: int) -> list[tuple[slice, slice]]:
    """Pieces of an axis, and the same with what they depend on."""
    return [
        (
            slice(start, min(start + side, length)),
            slice(max(start - overlap, 0), min(start + side + overlap, length)),
        )
        for start in range(0, length, side)
    ]


def piece_side(depth: int, step: int, bands: int | None) -> int:
    """Voxels of the lattice along y and x that are corrected together, a multiple of `step`.

    Parameters
    ----------
    depth : int
        Voxels of the lattice in z, all of which a piece has.
    step : int
        Of the latents on the lattice.
    bands : int or None
        Rows of `layers.in_bands`.
    """
    voxels = PIECE if bands is None else PIECE * min(bands, WHOLE_BANDS) // WHOLE_BANDS
    around = 2 * reach_of(step.bit_length())
    return max(int((voxels / depth) ** 0.5) - around, MIN_SIDE) // step * step


def reach_of(levels: int) -> int:
    """How far a voxel depends on others along each axis, a multiple of the latents' step."""
    steps = [2**level for level in range(levels)]
    return round_up(2 + sum(5 * step for step in steps[:-1]) + steps[-1], steps[-1])

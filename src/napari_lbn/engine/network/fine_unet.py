"""A second 3D UNet, for what is finer than a latent pixel. Not in the paper.

To the paper's UNet a cube of D x D x D image pixels is one voxel with many channels, and it
has to say everything about them at once. But the image channels of the latent volume, put
in order, are a volume of the specimen on a lattice of D / s pixels: there, a few small
convolutions that are the same everywhere correct what noise and the missing wedge did to
details a few pixels wide. What the learned channels know of the place joins them at the
coarsest level, whose lattice is that of the latents.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from .latent_projection import round_up, to_channels, to_fine
from .layers import ConvUnit, band_rows, in_bands

if TYPE_CHECKING:
    from .config import LBNConfig
    from .latent_projection import LatentGrid

PIECE = 6_000_000
"""Voxels of the lattice corrected at once, what they depend on included."""
WHOLE_BANDS = 64
"""Rows of `layers.in_bands` from which on pieces are that large; fewer make them smaller."""
MIN_SIDE = 32


class FineUNet(nn.Module):
    """Correction of the image channels of a latent volume.

    A double 3 x 3 x 3 block for each of the `fine_widths`, strides of 2 between them, and
    back with transposed convolutions, whose output is added to that of the same level.
    There are no statistics but one scale, so a place comes out the same in any volume. The
    last layer and the way in of the learned channels start at zero.

    Parameters
    ----------
    config : LBNConfig
        Its `fine_widths` are not empty.
    """

    def __init__(self, config: LBNConfig) -> None:
        super().__init__()
        self.slope, self.subpixels = config.slope, config.subpixels
        self.step = config.downsampling // config.subpixels
        self.reach = reach_of(len(config.fine_widths))
        self.n_image = config.downsampling * config.subpixels**2
        widths = config.fine_widths
        levels = [*pairwise(widths)]
        self.first = self._unit(self.step, widths[0])
        self.down = nn.ModuleList(self._unit(a, b, stride=2) for a, b in levels)
        self.up = nn.ModuleList(self._unit(b, a, stride=2, transposed=True) for a, b in levels)
        self.within = nn.ModuleList(self._unit(width, width) for width in widths)
        self.merge = nn.ModuleList(self._unit(width, width) for width in widths[:-1])
        self.learned = nn.Conv3d(config.volume_channels - self.n_image, widths[-1], 1)
        self.last = self._unit(widths[0], self.step)
        for parameter in (*self.learned.parameters(), *self.last.parameters()):
            nn.init.zeros_(parameter)
        # a quarter faster on a CPU
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

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
        view = slice(grid.margin, grid.margin + grid.width)
        seen = volume[..., view]
        scale = seen[-self.n_image :].float().std().clamp_min(1e-12)
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
        """Corrections of the image channels of a volume ``(c, z, y, x)``."""
        learned, image = seen[: -self.n_image].float(), seen[-self.n_image :].float()
        lattice = self.to_lattice(to_fine(image, self.subpixels))
        with in_bands(None):  # a piece is small enough
            made = self.corrections(lattice[None] / scale, learned[None])[0].float() * scale
        return to_channels(self.from_lattice(made, self.step * self.subpixels), self.subpixels)

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

    def corrections(self, lattice: Tensor, learned: Tensor) -> Tensor:
        """Of lattices ``(n, D / s, z, y, x)`` and learned ``(n, c, z / s, y / s, x / s)``."""
        x = self._active(self.first(lattice.contiguous(memory_format=torch.channels_last_3d)))
        levels = []
        for within, down in zip(self.within, self.down, strict=False):
            x = self._active(within(x))
            levels.append(x)
            x = self._active(down(x))
        x = self._active(self.within[-1](x + self.learned(learned)))
        for up, merge in zip(reversed(self.up), reversed(self.merge), strict=True):
            x = self._active(up(x).add_(levels.pop()))
            x = self._active(merge(x))
        corrected: Tensor = self.last(x)
        return corrected

    def _unit(
        self, n_in: int, n_out: int, *, stride: int = 1, transposed: bool = False
    ) -> ConvUnit:
        return ConvUnit(
            n_in, n_out, stride=stride, transposed=transposed, groups=0, slope=self.slope, dims=3
        )

    def _active(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.slope, inplace=True)


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

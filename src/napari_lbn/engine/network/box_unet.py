"""The reconstruction box alone, for tilts deep in the missing wedge. Not in the paper.

A tilt at 75 degrees looks through twice as much material beside the box as through the box,
and of that nothing measured tells much. A tomogram of the box does not ask for it: with tilts
at every angle, WBP would remove it from the box again. So tilts that stand in the missing
wedge are re-projections of the box alone: of the latent volume in the field of view. What
changes slowly there, the measured tilts leave between box and surroundings undecided; a small
3D UNet on the lattice of the latents, trained beside the truth, decides it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from .lattice_unet import LatticeUNet
from .subpixels import to_channels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .config import LBNConfig
    from .latent_grid import LatentGrid

INPUTS = 3
"""Mean and spread of the image's voxels in a latent voxel, and where the box is."""


class BoxUNet(LatticeUNet):
    """A complete latent volume to that of the reconstruction box alone.

    Parameters
    ----------
    config : LBNConfig
        Its `box_widths` are not empty.
    """

    def __init__(self, config: LBNConfig) -> None:
        n_image = config.downsampling * config.subpixels**2
        super().__init__(INPUTS, 1, config.box_widths, config.slope)
        self.n_image, self.subpixels = n_image, config.subpixels
        self.rows = config.downsampling
        self.multiple = 2 ** (len(config.box_widths) - 1)

    def forward(self, volume: Tensor, grid: LatentGrid) -> Tensor:
        """The box alone.

        Parameters
        ----------
        volume : Tensor
            ``(c, z, y, x)``, the image channels last. Where no gradient is recorded it is
            changed in place.
        grid : LatentGrid
            Its own.

        Returns
        -------
        Tensor
            Same shape, zero beyond the field of view.
        """
        first, last = grid.view.start, grid.view.stop
        change = self.change(*pooled(volume[-self.n_image :, ..., first:last].float()))
        alone = volume.float().clone() if torch.is_grad_enabled() else volume
        alone[..., :first] = 0
        alone[..., last:] = 0
        for z, plane in enumerate(self._planes(change)):
            alone[-self.n_image :, z : z + 1, :, first:last] += plane
        return alone

    def change(self, mean: Tensor, spread: Tensor) -> Tensor:
        """What the mean of each latent voxel lacks: ``(z, y, x)``.

        Parameters
        ----------
        mean, spread : Tensor
            ``(z, y, x)``, of `pooled`.
        """
        scale = mean.std().clamp_min(1e-12)
        inputs = [mean / scale, spread / spread.mean().clamp_min(1e-12) - 1, torch.ones_like(mean)]
        shape = mean.shape
        sides = [v for size in reversed(shape) for v in (0, -size % self.multiple)]
        lattice = functional.pad(torch.stack(inputs)[None], sides)
        made = self.corrections(lattice)[0, 0]
        return made[: shape[0], : shape[1], : shape[2]].float() * scale

    def _planes(self, change: Tensor) -> Iterator[Tensor]:
        """A change interpolated to the image channels ``(D s s, 1, y, x)`` of each plane in z."""
        s, rows = self.subpixels, self.rows
        fine = _resized(change[None, None], (s, 1, 1))[0, 0]
        for some in fine.split(s):
            dense = _resized(some[:, None, None], (1, rows, s))[:, 0, 0]
            lines = dense.unflatten(1, (-1, rows)).permute(0, 3, 2, 1)
            yield to_channels(lines, s)


def pooled(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread ``(z, y, x)`` of image channels: of the voxels in each latent voxel."""
    return image.mean(dim=0), image.std(dim=0)


def _resized(lattice: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """``(n, c, z, y, x)`` interpolated linearly to as many times finer samples."""
    scales = tuple(float(factor) for factor in factors)
    return functional.interpolate(
        lattice, scale_factor=scales, mode="trilinear", align_corners=False
    )

"""Latent tomography: the back-projection of the paper, made consistent with its own latents.

Filtered back-projection of a slab wider than the field of view does not reproduce the
latents that it was made from: near the edges of the image and at low frequencies rays pass
through material that few tilts have seen. So the latent volume V is updated a few times,

    V <- V + s A^T F (L - A V),

with the operator A at the measured angles, the filter F of the back-projection, the latents
L and one learned step s for each channel: filtered Landweber iterations, which by themselves
predict hidden tilts far better than back-projection alone. After the 3D UNet, which knows
nothing of the measured tilts, the same update lets the data have the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .banding import joined, rows_together
from .coarse import refined
from .latent_solver import Solver
from .layers import band_rows
from .settling import Slow, settled
from .subpixels import interleave, to_channels, to_fine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

    from .config import LBNConfig
    from .latent_grid import LatentGrid


class LatentTomography(nn.Module):
    """Latents of all tilts to a latent volume that explains them.

    Parameters
    ----------
    config : LBNConfig
        ``updates`` before the UNet, ``updates_after`` behind it; none are the paper's.
    """

    def __init__(self, config: LBNConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.tilt_channels // config.subpixels
        self.before = _steps(config.updates, channels, 1.0)
        self.after = _steps(config.updates_after, channels, 0.0)
        # passed by every band of rows: a hook on it can stop the work there
        self.band = nn.Identity()

    def back_project(self, latents: Tensor, angles: ArrayLike, grid: LatentGrid) -> Tensor:
        """Filtered back-projection, then updates.

        Parameters
        ----------
        latents : Tensor
            ``(n, d, y, x)``.
        angles : array_like
            ``(n,)`` degrees.
        grid : LatentGrid
            Where the volume lies.

        Returns
        -------
        Tensor
            ``(d * subpixels, z, y, x)`` float32.
        """
        solver = Solver(self.config, angles, grid, latents.device)

        def bands() -> Iterator[Tensor]:
            for rows in latents.float().split(self._rows(grid, latents.device), dim=2):
                fine = interleave(self.band(rows), grid.subpixels)
                volume = solver.updated(solver.back(fine), fine, self.before)
                yield to_channels(volume, grid.subpixels)

        out = None
        if not torch.is_grad_enabled():
            shape = (self.config.volume_channels, grid.nz, latents.shape[2], grid.nx)
            out = torch.empty(shape, device=latents.device)
        return joined(bands(), out)

    def make_consistent(
        self, volume: Tensor, latents: Tensor, angles: ArrayLike, grid: LatentGrid
    ) -> Tensor:
        """Updates of a corrected latent volume ``(d * subpixels, z, y, x)``; same shape.

        Where no gradient is recorded, the volume is changed in place.
        """
        if self.after is None:
            return volume
        solver = Solver(self.config, angles, grid, latents.device)
        return self._updated(volume.float(), latents.float(), solver, grid)

    def settle(
        self, volume: Tensor, latents: Tensor, angles: ArrayLike, grid: LatentGrid
    ) -> Tensor:
        """Let the image channels of a volume explain what changes slowly (`coarse`); as above."""
        if not self.config.coarse_sigma:
            return volume
        solver = Solver(self.config, angles, grid, latents.device)
        return self._settled(volume.float(), latents.float(), solver, grid)

    def _rows(self, grid: LatentGrid, device: torch.device) -> int:
        values = self.config.volume_channels * grid.nz * grid.nx
        return rows_together(values, device.type, band_rows())

    def _updated(self, volume: Tensor, latents: Tensor, solver: Solver, grid: LatentGrid) -> Tensor:
        """After the updates that follow the UNet."""
        rows = self._rows(grid, volume.device)

        def bands() -> Iterator[Tensor]:
            for band, some in zip(volume.split(rows, 2), latents.split(rows, 2), strict=True):
                fine = to_fine(band, grid.subpixels)
                fine = solver.updated(fine, interleave(self.band(some), grid.subpixels), self.after)
                yield to_channels(fine, grid.subpixels)

        return joined(bands(), None if torch.is_grad_enabled() else volume)

    def _settled(self, volume: Tensor, latents: Tensor, solver: Solver, grid: LatentGrid) -> Tensor:
        """After what the image channels lack to explain what changes slowly (`coarse`)."""
        fine, lines = grid.subpixels, self.config.downsampling
        image = volume[-lines * fine**2 :]
        slow = self._slow(image, latents[:, -lines * fine :], solver, grid)
        coarse, pool = settled(slow, solver.angles, self.config, grid), slow.pool
        if torch.is_grad_enabled():
            image = image + to_channels(refined(coarse, lines, pool), fine)
            return torch.cat([volume[: -lines * fine**2], image])
        # planes of z one after the other: interpolation is along y
        for plane, some in zip(image.split(1, 1), coarse.split(fine // pool), strict=True):
            plane.add_(to_channels(refined(some, lines, pool), fine))
        return volume

    def _slow(self, image: Tensor, latents: Tensor, solver: Solver, grid: LatentGrid) -> Slow:
        """What changes slowly in the tilts and in the image channels."""
        rows, bands = self._rows(grid, image.device), []
        for band, some in zip(image.split(rows, 2), latents.split(rows, 2), strict=True):
            volume = to_fine(band, grid.subpixels)
            tilts = interleave(self.band(some), grid.subpixels)
            left = solver.residual(volume, tilts).mean(dim=1, keepdim=True)
            seen = tilts.mean(dim=1, keepdim=True)
            bands.append((seen, left, volume.mean(dim=2, keepdim=True)))
        return Slow.of(bands, self.config, grid)


def _steps(count: int, channels: int, start: float) -> nn.Parameter | None:
    return nn.Parameter(torch.full((count, channels), start)) if count else None

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

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from .banding import add_in_place, joined, rows_together
from .coarse import SAMPLES, low_passed, refined
from .latent_projection import (
    FilterLimits,
    LatentGrid,
    filter_latents,
    interleave,
    ring_weights,
    to_channels,
    to_fine,
)
from .layers import band_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

    from .config import LBNConfig


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
        solver = _Solver(self.config, angles, grid, latents.device)

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
        solver = _Solver(self.config, angles, grid, latents.device)
        return self._updated(volume.float(), latents.float(), solver, grid)

    def settle(
        self, volume: Tensor, latents: Tensor, angles: ArrayLike, grid: LatentGrid
    ) -> Tensor:
        """Let the image channels of a volume explain what changes slowly (`coarse`); as above."""
        if not self.config.coarse_sigma:
            return volume
        solver = _Solver(self.config, angles, grid, latents.device)
        return self._settled(volume.float(), latents.float(), solver, grid)

    def _rows(self, grid: LatentGrid, device: torch.device) -> int:
        return rows_together(self.config.volume_channels, grid, device.type, band_rows())

    def _updated(
        self, volume: Tensor, latents: Tensor, solver: _Solver, grid: LatentGrid
    ) -> Tensor:
        """After the updates that follow the UNet."""
        rows = self._rows(grid, volume.device)

        def bands() -> Iterator[Tensor]:
            for band, some in zip(volume.split(rows, 2), latents.split(rows, 2), strict=True):
                fine = to_fine(band, grid.subpixels)
                fine = solver.updated(fine, interleave(self.band(some), grid.subpixels), self.after)
                yield to_channels(fine, grid.subpixels)

        return joined(bands(), None if torch.is_grad_enabled() else volume)

    def _settled(
        self, volume: Tensor, latents: Tensor, solver: _Solver, grid: LatentGrid
    ) -> Tensor:
        """After what the image channels lack to explain what changes slowly (`coarse`)."""
        fine, lines = grid.subpixels, self.config.downsampling
        image = volume[-lines * fine**2 :]
        coarse, pool = self._coarse_volume(image, latents[:, -lines * fine :], solver, grid)
        if torch.is_grad_enabled():
            image = image + to_channels(refined(coarse, lines, pool), fine)
            return torch.cat([volume[: -lines * fine**2], image])
        # planes of z one after the other: interpolation is along y
        for plane, some in zip(image.split(1, 1), coarse.split(fine // pool), strict=True):
            plane.add_(to_channels(refined(some, lines, pool), fine))
        return volume

    def _coarse_volume(
        self, image: Tensor, latents: Tensor, solver: _Solver, grid: LatentGrid
    ) -> tuple[Tensor, int]:
        """That volume ``(z, x, 1, y)``, and how many samples along x and z it has in one."""
        fine, lines, sigma = grid.subpixels, self.config.downsampling, self.config.coarse_sigma
        rows, left = self._rows(grid, image.device), []
        for band, measured in zip(image.split(rows, 2), latents.split(rows, 2), strict=True):
            residual = solver.residual(to_fine(band, fine), interleave(self.band(measured), fine))
            left.append(residual.mean(dim=1, keepdim=True))
        pool = fine // SAMPLES if fine % SAMPLES == 0 else 1
        coarse = functional.avg_pool2d(torch.cat(left, dim=2), (1, pool))
        coarse = low_passed(coarse, (sigma / lines, sigma * fine / pool / lines))
        settle = _Solver(
            self.config, solver.angles, replace(grid, subpixels=fine // pool), image.device
        )
        volume = settle.back(coarse)
        for _ in range(self.config.coarse_updates - 1):
            volume = add_in_place(volume, settle.back(settle.residual(volume, coarse)))
        return volume, pool


class _Solver:
    """A and A^T F at the measured angles, on interleaved latents ``(n, c, y, x)``."""

    def __init__(
        self, config: LBNConfig, angles: ArrayLike, grid: LatentGrid, device: torch.device
    ) -> None:
        self.config, self.angles = config, angles
        self.margin = grid.margin * grid.subpixels
        self.project = grid.projector(angles, "distance", device)
        self.back_projector = grid.projector(angles, "linear", device, self.margin).T
        self.weights: Tensor | None = None
        if config.latent_sum == "mean":
            weights = torch.as_tensor(ring_weights(angles), dtype=torch.float32, device=device)
            self.weights = weights.view(-1, 1, 1, 1)
        self.limits = _limits(config, grid, self.weights)

    def back(self, latents: Tensor) -> Tensor:
        """Filtered back-projection to a fine volume ``(z, x, c, y)``."""
        filtered = filter_latents(latents, self.config, self.margin, self.limits)
        if self.weights is not None:
            filtered = filtered * self.weights
        return self.back_projector(filtered.permute(0, 3, 1, 2).contiguous())

    def updated(self, volume: Tensor, latents: Tensor, steps: Tensor | None) -> Tensor:
        """The fine volume after one update for each row of `steps`."""
        for step in () if steps is None else steps:
            change = self.back(self.residual(volume, latents))
            volume = add_in_place(volume, change, step[:, None])
        return volume

    def residual(self, volume: Tensor, latents: Tensor) -> Tensor:
        """What of the latents a fine volume leaves unexplained."""
        return latents - self.project(volume).permute(0, 2, 3, 1)


def _limits(config: LBNConfig, grid: LatentGrid, weights: Tensor | None) -> FilterLimits | None:
    """Responses with which updates converge, for any thickness and any spacing of the tilts.

    A latent passes A A^T about depth times its tilt's weight: a response of one over both
    makes it about what it was. A constant passes through all tilts, of 2 radians together.
    """
    if weights is None or not (config.updates or config.updates_after):
        return None
    depth = grid.nz * grid.subpixels
    return FilterLimits(level=0.5 / depth, cap=1 / (depth * weights.flatten().clamp_min(1e-6)))


def _steps(count: int, channels: int, start: float) -> nn.Parameter | None:
    return nn.Parameter(torch.full((count, channels), start)) if count else None

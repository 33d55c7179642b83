"""The learnable filter: real values in Fourier space, one parameter tensor or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..responses import ramp_response
from .grids import padded_size, padded_tilts, radius_grid, resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import FilterConfig


class LearnedFilter(nn.Module):
    """The filter beta of optimal back-projection, ``BP(beta * y)`` (equations 6 and 16).

    Values are in the unit of the ramp, cycles per pixel, so that the initial ramp is plain
    weighted back-projection.

    Parameters
    ----------
    config : FilterConfig
        Variant, start, angles and image size.

    Attributes
    ----------
    plane : Parameter
        Real response on the half plane of ``rfft2``: ``(tilts, ky, kx)`` for "tilt-2d",
        ``(tilt frequencies, ky, kx)`` for "3d", else ``(1, ky, kx)``; ``(radii,)`` for
        "radial"; absent for "tilt-1d".
    along : Parameter
        ``(tilts,)`` response over the tilt index of "separable" and "tilt-1d".
    """

    def __init__(self, config: FilterConfig) -> None:
        super().__init__()
        self.config = config
        n_tilts = len(config.angles)
        self.grid = padded_size(config.shape, padding=config.padding)
        self.plane: nn.Parameter | None = None
        self.along: nn.Parameter | None = None
        if config.variant != "tilt-1d":
            self.plane = nn.Parameter(self._initial_plane(n_tilts))
        if config.variant in ("separable", "tilt-1d"):
            self.along = nn.Parameter(torch.full((n_tilts,), self._initial_along))

    @property
    def _initial_along(self) -> float:
        if self.plane is not None:
            return 1.0
        # Where nothing filters the plane, the ramp at its lowest frequency gives the scale.
        return 0.0 if self.config.initial == "zero" else 1 / self.grid[1]

    def _initial_plane(self, n_tilts: int) -> Tensor:
        initial, (height, width) = self.config.initial, self.grid
        ramp = ramp_response(width)
        if self.config.variant == "radial":
            radii = torch.arange(int(0.7072 * width) + 2) / width
            values = torch.cat([ramp, radii[len(ramp) :]])
        elif initial == "symmetric-ramp":
            values = radius_grid(self.grid)
            values[0, 0] = ramp[0]
        else:
            values = ramp.expand(height, -1)
        if initial == "zero":
            values = torch.zeros_like(values)
        if self.config.variant == "radial":
            return values.clone()
        count = n_tilts if self.config.variant in ("tilt-2d", "3d") else 1
        return values.expand(count, -1, -1).clone()

    def plane_for(self, shape: tuple[int, int]) -> Tensor:
        """The plane's response for tilts of a shape: ``(tilts or 1, ky, kx // 2 + 1)``."""
        grid = padded_size(shape, padding=self.config.padding)
        if self.plane is None:
            assert self.along is not None
            return self.along.new_ones(1, grid[0], grid[1] // 2 + 1)
        if self.config.variant == "radial":
            at = radius_grid(grid).to(self.plane.device) * self.grid[1]
            left = at.floor().long().clamp(max=len(self.plane) - 2)
            share = (at - left).clamp(0, 1)
            return ((1 - share) * self.plane[left] + share * self.plane[left + 1])[None]
        return self.plane if grid == self.grid else resample(self.plane, self.grid, grid)

    def forward(self, tilts: Tensor, chosen: Sequence[int] | None = None) -> Tensor:
        """Filter tilts; linear in them, and differentiable.

        Parameters
        ----------
        tilts : Tensor
            ``(n, y, x)``.
        chosen : sequence of int, optional
            Which of the filter's angles the tilts are at; all of them in order by default.
            Variants that mix tilts need all of them.

        Returns
        -------
        Tensor
            ``(n, y, x)``.
        """
        height, width = tilts.shape[-2:]
        plane = self.plane_for((height, width))
        padded = padded_tilts(tilts) if self.config.padding else tilts
        spectrum = torch.fft.rfft2(padded)
        if self.config.variant == "3d":
            spectrum = torch.fft.ifft(torch.fft.fft(spectrum, dim=0) * plane, dim=0)
        elif self.config.variant == "tilt-2d" and chosen is not None:
            spectrum = spectrum * plane[list(chosen)]
        else:
            spectrum = spectrum * plane
        if self.along is not None:
            even = (self.along + self.along.flip(0).roll(1)) / 2  # so that its kernel is real
            spectrum = torch.fft.ifft(torch.fft.fft(spectrum, dim=0) * even[:, None, None], dim=0)
        return torch.fft.irfft2(spectrum, s=padded.shape[-2:])[..., :height, :width]

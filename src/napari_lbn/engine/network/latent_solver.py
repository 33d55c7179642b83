"""The operator A and the filtered adjoint A^T F on interleaved latents, for updates of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .banding import add_in_place
from .latent_filter import FilterLimits, filter_latents, ring_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .config import LBNConfig
    from .latent_grid import LatentGrid


class Solver:
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

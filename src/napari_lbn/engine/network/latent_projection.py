"""Re-projection of the latent volume at any angle (paper 3, Algorithm 1).

It is the engine's projection operator on the latent grid; `tomography` is the way there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .banding import rows_together
from .layers import band_rows
from .subpixels import take_apart, to_fine

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .latent_grid import LatentGrid


def re_project(volume: Tensor, angles: ArrayLike, grid: LatentGrid) -> Tensor:
    """Latent volume ``(d * subpixels, z, y, x)`` to latents ``(m, d, y, x)`` at any angles."""
    project = grid.projector(angles, "distance", volume.device)
    parts = []
    rows = rows_together(volume.shape[0] * grid.nz * grid.nx, volume.device.type, band_rows())
    for band in volume.split(rows, dim=2):
        latents = project(to_fine(band.float(), grid.subpixels))
        parts.append(take_apart(latents.permute(0, 2, 3, 1), grid.subpixels))
    return torch.cat(parts, dim=2)

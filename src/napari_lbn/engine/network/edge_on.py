"""Re-projection of a latent volume that is seen edge-on.

At 90 degrees the rays run along the rows of the latent lattice: each meets one row of
sub-pixels only, whatever the correction leaves between the sub-pixels of a latent adds up over
the whole width, and the decoder turns it into stripes. So a tilt seen edge-on is the mean over
two angles beside it, within the range of angles that it stands for in a reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .latent_projection import re_project

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import Tensor

    from .latent_grid import LatentGrid

EDGE_ON = 0.75
"""Degrees from 90 within which rays keep to one row of the lattice for most of their way."""
BESIDE = 1.5
"""Degrees to either side that stand for such a tilt."""


def re_project_tilts(volume: Tensor, angles: ArrayLike, grid: LatentGrid) -> Tensor:
    """Re-project a latent volume, averaging where it is seen edge-on.

    Parameters
    ----------
    volume : Tensor
        ``(d * subpixels, z, y, x)``.
    angles : array_like
        ``(m,)`` degrees.
    grid : LatentGrid
        Where the volume lies.

    Returns
    -------
    Tensor
        Latents ``(m, d, y, x)``.
    """
    angles = np.asarray(angles, dtype=np.float64)
    latents = re_project(volume, angles, grid)
    edge_on = np.flatnonzero(np.abs(np.abs(angles) - 90.0) < EDGE_ON)
    if edge_on.size:
        sides = [re_project(volume, angles[edge_on] + side, grid) for side in (-BESIDE, BESIDE)]
        latents[edge_on] = (sides[0] + sides[1]) / 2
    return latents

"""The latent volume of encoded tilts: back-projected, corrected, and settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..network.jackknife import extrapolate, kept_tilts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from ..network import LBN
    from ..network.latent_grid import LatentGrid


def latent_volume(
    network: LBN,
    latents: Tensor,
    angles: NDArray[np.float64],
    grid: LatentGrid,
    *,
    jackknife: int = 0,
) -> Tensor:
    """The volume that tilts are synthesized from.

    Parameters
    ----------
    network : LBN
        In evaluation mode.
    latents : Tensor
        ``(tilts, channels, y, x)`` encoded.
    angles : ndarray
        ``(tilts,)`` degrees.
    grid : LatentGrid
        Of the volume.
    jackknife : int
        Groups of tilts that are left out in turn (`network.jackknife`); 0 for none.
    """
    volume = _detailed(network, latents, angles, grid)
    if jackknife:
        _extrapolate(network, volume, latents, angles, grid, jackknife)
    return network.tomography.settle(volume, latents, angles, grid)


def _detailed(
    network: LBN, latents: Tensor, angles: NDArray[np.float64], grid: LatentGrid
) -> Tensor:
    """The latent volume of these tilts but for what changes slowly."""
    volume = network.correct(network.tomography.back_project(latents, angles, grid))
    return network.detail(volume, latents, angles, grid)


def _extrapolate(
    network: LBN,
    volume: Tensor,
    latents: Tensor,
    angles: NDArray[np.float64],
    grid: LatentGrid,
    groups: int,
) -> None:
    """The jackknife of the volume's image channels, in place."""
    image = network.image_channels(volume, grid)
    mean = torch.zeros_like(image)
    for tilts in kept_tilts(angles, groups):
        some = latents[torch.from_numpy(tilts).to(latents.device)]
        fewer = _detailed(network, some, angles[tilts], grid)
        mean += network.image_channels(fewer, grid) / groups
    extrapolate(image, mean, groups)

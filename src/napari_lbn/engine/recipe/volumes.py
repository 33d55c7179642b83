"""Latent volumes of simulated series beside the truth, for the UNets of details and of the box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..angular_weights import measured_weights
from ..intensity import normalise
from ..network.box_unet import pooled
from ..network.latent_grid import LatentGrid
from ..network.subpixels import to_channels, to_fine
from ..reconstruction.wbp import WBPSettings, back_project_slab
from .tasks import half_precision

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from ..network import LBN
    from .view import Measured, View

DEPTH_STEP = 16
"""Pixels: depths are multiples of it, and up to twice as much larger than the specimen."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A latent volume in the field of view, and what it should show.

    Attributes
    ----------
    volume : Tensor
        ``(c, z, y, x)`` image channels.
    truth : Tensor
        ``(z, x, D, y)``, as `to_fine` orders it: the box, from noise-free tilts around the circle.
    grid : LatentGrid
        Of the latent volume.
    """

    volume: Tensor
    truth: Tensor
    grid: LatentGrid

    def details(self) -> dict[str, Tensor]:
        """For the second UNet: ``(z, x, D, y)`` both, in half precision."""
        image = to_fine(self.volume, self.grid.subpixels)
        return {"image": image.half().contiguous(), "truth": self.truth.half()}

    def box(self) -> dict[str, Tensor]:
        """For the UNet of the box: ``(z, y, x)`` mean and spread, and the true mean."""
        mean, spread = pooled(self.volume)
        true_mean = to_channels(self.truth, self.grid.subpixels).mean(dim=0)
        return {"mean": mean, "spread": spread, "true_mean": true_mean}


def drawn_depth(view: View, rng: Generator) -> int:
    """Thickness that somebody might give, in pixels."""
    return -(-view.depth // DEPTH_STEP) * DEPTH_STEP + DEPTH_STEP * int(rng.integers(3))


def pair(network: LBN, view: View, seen: Measured, depth: int, *, complete: bool) -> Pair:
    """A latent volume as the second UNet gets it or, complete, as that of the box does.

    Parameters
    ----------
    network : LBN
        In evaluation mode.
    view : View
        Of the specimen.
    seen : Measured
        Its noisy tilts.
    depth : int
        Pixels of the latent volume along z.
    complete : bool
        After the second UNet.
    """
    inputs, stats = normalise(seen.tilts, seen.angles)
    grid = LatentGrid.of(network.config, view.clean.shape[2], depth)
    volume = image_volume(network, inputs, seen.angles, grid, complete=complete)
    box = seen.sign * (view.box - view.box.mean(axis=(1, 2), keepdims=True))
    box /= stats.at(view.truth_angles)[1].astype(np.float32)[:, None, None]
    truth = truth_on_lattice(box, view.truth_angles, grid, network.config.downsampling)
    return Pair(volume=volume.cpu(), truth=torch.from_numpy(truth), grid=grid)


def image_volume(
    network: LBN,
    tilts: NDArray[np.float32],
    angles: NDArray[np.float64],
    grid: LatentGrid,
    *,
    complete: bool,
) -> Tensor:
    """Image channels ``(c, z, y, x)`` of the latent volume in the field of view, float32."""
    n_image = network.config.downsampling * grid.subpixels**2
    device = network.device
    with torch.inference_mode():
        with half_precision(device):
            latents = network.encode(torch.from_numpy(tilts[:, None]).to(device))
            volume = network.correct(network.tomography.back_project(latents, angles, grid))
        if complete:
            volume = network.complete(volume, latents, angles, grid)
        else:
            volume = network.tomography.make_consistent(volume, latents, angles, grid)
        return volume[-n_image:, ..., grid.view].float()


def truth_on_lattice(
    tilts: NDArray[np.float32], angles: NDArray[np.float64], grid: LatentGrid, downsampling: int
) -> NDArray[np.float32]:
    """Density of the box where the lattice of the image channels has its voxels.

    Parameters
    ----------
    tilts : ndarray
        ``(n, y, x)`` of the box alone, around the half circle.
    angles : ndarray
        ``(n,)`` degrees.
    grid : LatentGrid
        Of the latent volume.
    downsampling : int
        Of the network.

    Returns
    -------
    ndarray
        ``(z, x, D, y)`` as `to_fine` orders it; a ray's sum is about the tilt's pixel.
    """
    rows, columns = tilts.shape[1:]
    settings = WBPSettings(thickness=grid.nz * downsampling, filter="ramp")
    density = back_project_slab(
        np.ascontiguousarray(tilts), angles, measured_weights(angles), settings
    )
    step = downsampling // grid.subpixels
    smooth = ndimage.gaussian_filter(density, (step / 2, 0, step / 2))
    z = np.arange(grid.nz * grid.subpixels)
    x = np.arange(grid.view_width * grid.subpixels) + grid.view.start * grid.subpixels
    places = np.meshgrid(
        (density.shape[0] - 1) / 2 + step * (z - (z.size - 1) / 2),
        np.arange(rows),
        (columns - 1) / 2 + step * (x - (grid.nx * grid.subpixels - 1) / 2),
        indexing="ij",
    )
    found = step * ndimage.map_coordinates(smooth, places, order=1, mode="constant")
    ordered = found.reshape(z.size, rows // downsampling, downsampling, x.size)
    return np.ascontiguousarray(ordered.transpose(0, 3, 2, 1), dtype=np.float32)

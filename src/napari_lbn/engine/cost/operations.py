"""Multiply-adds of the network's convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..network.box_unet import INPUTS
from ..network.latent_grid import LatentGrid, round_up
from ..network.unet3d import MULTIPLE

if TYPE_CHECKING:
    from ..network.config import LBNConfig


def network_operations(
    config: LBNConfig,
    shape: tuple[int, int],
    n_visible: int,
    n_targets: int,
    thickness: int | None = None,
    jackknife: int = 0,
) -> float:
    """Multiply-adds of the network's convolutions in use: encoder, UNets, decoder and refinement.

    Parameters
    ----------
    config : LBNConfig
        Of the network.
    shape : tuple of int
        (y, x) pixels of a tilt.
    n_visible, n_targets : int
        Tilts that are encoded and decoded.
    thickness : int, optional
        Pixels; bounds the latent volume where the weights' is a slab.
    jackknife : int
        Further latent volumes that are made.
    """
    made = making_operations(config, shape, n_visible, thickness, jackknife)
    w = config.refinement_width
    refined = 2 * w * 7**2 + (w * w + w) * 5**2 if config.image_channels else 0
    decoded = n_targets * (_operations_a_pixel(config) + refined) * shape[0] * shape[1]
    grid = LatentGrid.of(config, shape[1], thickness)
    return made + decoded + box_operations(config, shape[0], grid)


def making_operations(
    config: LBNConfig,
    shape: tuple[int, int],
    n_visible: int,
    thickness: int | None = None,
    jackknife: int = 0,
) -> float:
    """Multiply-adds of the latent volume alone: encoder and UNets; as `network_operations`."""
    grid = LatentGrid.of(config, shape[1], thickness)
    voxels = grid.nx * grid.nz * round_up(-(-shape[0] // config.downsampling), MULTIPLE)
    d, (a, b, c, e) = config.volume_channels, config.unet_widths
    fine = d * a + a * a + a * b + b * a + 2 * a * a + a * d
    half = b * b + b * c + c * c + c * e + e * c + 2 * c * c + c * b + b * b
    unets = 27 * voxels * (fine + half / 8)
    # in use, the second UNet corrects a volume and the same volume turned
    unets += 2 * fine_operations(config, shape[0], grid)
    encoded = n_visible * _operations_a_pixel(config) * shape[0] * shape[1]
    return encoded + unets * (1 + jackknife)


def _operations_a_pixel(config: LBNConfig) -> float:
    """Multiply-adds of the encoder, or of the decoder, for each pixel of a tilt."""
    work, source, scale = 0.0, 1, 1
    rows = zip(config.widths, config.kernels, config.strides, strict=True)
    for width, kernel, stride in rows:
        scale *= stride
        work += (source * width * kernel**2 + width * width * 9) / scale**2
        source = width
    return work


def fine_operations(config: LBNConfig, height: int, grid: LatentGrid) -> float:
    """Multiply-adds of one pass of the second 3D UNet (`network.fine_unet`), if there is one."""
    widths = config.fine_widths
    if not widths:
        return 0.0
    step = config.downsampling // config.subpixels
    rows = round_up(height, config.downsampling) / step
    voxels = config.subpixels**2 * grid.nz * grid.view_width * rows
    return voxels * _lattice_operations(step, step, widths)


def box_operations(config: LBNConfig, height: int, grid: LatentGrid) -> float:
    """Multiply-adds of the 3D UNet of the box (`network.box_unet`); none where there is none."""
    widths = config.box_widths
    if not widths:
        return 0.0
    rows, width = (
        round_up(n, 2 ** (len(widths) - 1))
        for n in (-(-height // config.downsampling), grid.view_width)
    )
    return grid.nz * rows * width * _lattice_operations(INPUTS, 1, widths)


def _lattice_operations(n_in: int, n_out: int, widths: tuple[int, ...]) -> float:
    """Multiply-adds of a `network.lattice_unet` for each voxel."""
    work = float(n_in + n_out) * widths[0]
    for level, width in enumerate(widths[:-1]):
        # a stride of 2 and its mirror: each an eighth of the taps of a layer at this level
        work += (2 * width**2 + 2 * width * widths[level + 1] / 8) / 8**level
    return 27 * (work + widths[-1] ** 2 / 8 ** (len(widths) - 1))

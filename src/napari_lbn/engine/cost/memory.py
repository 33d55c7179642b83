"""Bytes that synthesis takes: each stage of the network, and what stays beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..network.banding import rows_together
from ..network.fine_unet import piece_side, reach_of
from ..network.latent_grid import LatentGrid, round_up
from ..network.unet3d import MULTIPLE
from ..projection import needs_matrix

if TYPE_CHECKING:
    from ..network.config import LBNConfig
    from .tiling import Tiling

FLOAT = 4
WHOLE_MAPS = 5.0
"""Feature maps alive at once around a layer run in one piece (seen on CPU and CUDA)."""
BANDED_MAPS = 3.0
"""The same in bands: input, output, and the residual's copy."""
UNET_MAPS, UNET_TAPS = 5.0, 27
"""The UNet's finest level: its maps that are alive at once, taps of a convolution."""
FINE_MAPS, FINE_BYTES = 4.0, 80e6
"""The second UNet's finest maps alive at once, and at most what small pieces leave unused."""
FINE_COPIES = 4
"""Of the lattice of the second UNet: in order, scaled, its correction, and back in channels."""
BAND_VOLUMES, BAND_LATENTS = 2.5, 8.0
"""Copies of a band of the latent volume, and of its latents while they are filtered."""
MATRICES = 2.5
"""Both directions, and both of the coarse volume at half the sampling."""
ENTRY_BYTES = 8
"""Of a matrix: float32 and int32."""
HOST_BYTES = 0.6e9
"""Of Python, torch, the network itself, and what is not given back at once."""


def peak_memory(
    config: LBNConfig,
    size: tuple[int, int],
    grid: LatentGrid,
    n_visible: int,
    tiling: Tiling,
    device: str = "cpu",
) -> int:
    """Bytes that synthesis needs at its peak, estimated.

    Parameters
    ----------
    config : LBNConfig
        Of the network.
    size : tuple of int
        (y, x) pixels of a tilt.
    grid : LatentGrid
        Latent volume.
    n_visible : int
        Tilts that are encoded.
    tiling : Tiling
        Pieces in which it runs.
    device : str
        "cpu", "cuda" or "mps".
    """
    return int(max(stage_memory(config, size, grid, n_visible, tiling, device).values()))


def stage_memory(
    config: LBNConfig,
    size: tuple[int, int],
    grid: LatentGrid,
    n_visible: int,
    tiling: Tiling,
    device: str = "cpu",
) -> dict[str, float]:
    """Bytes that each stage needs at its peak; parameters as of `peak_memory`."""
    rows = -(-size[0] // config.downsampling)
    latent_row = FLOAT * n_visible * config.tilt_channels * grid.width
    volume_row = FLOAT * grid.nx * grid.nz * config.volume_channels
    band = min(rows, rows_together(config.volume_channels * grid.nz * grid.nx, device, tiling.rows))
    latents, volume = rows * latent_row, round_up(rows, MULTIPLE) * volume_row
    encoding, decoding = _tilt_memory(config, size, tiling)
    matrices = _matrix_memory(config, grid, n_visible) if needs_matrix(device) else 0.0
    in_band = band * (BAND_VOLUMES * volume_row + BAND_LATENTS * latent_row)
    return {
        "encoding": latents + encoding,
        "tomography": latents + volume + in_band + matrices,
        "correction": latents + volume + _unet_memory(config, volume, rows, tiling),
        "fine correction": latents + volume + _fine_memory(config, grid, rows, tiling),
        "box": volume + _box_memory(config, grid, rows, tiling),
        "decoding": volume + band * volume_row + decoding,
    }


def _unet_memory(config: LBNConfig, volume: float, rows: int, tiling: Tiling) -> float:
    """Bytes of the UNet beside its input: its finest maps, its output, and one convolution.

    The CPU's library may lay out a convolution's input once for every tap of the kernel, of
    all rows that are given at once.
    """
    one = volume * config.unet_widths[0] / config.volume_channels
    share = 1.0 if tiling.rows is None else min((tiling.rows + 2) / rows, 1.0)
    taps = UNET_TAPS * share * one
    return UNET_MAPS * one + max(2 * taps, volume + taps, (1 + share) * volume)


def _fine_memory(config: LBNConfig, grid: LatentGrid, rows: int, tiling: Tiling) -> float:
    """Bytes of the second UNet beside the latent volume: a piece, and changes of the image."""
    if not config.fine_widths:
        return 0.0
    fine, step = grid.subpixels, config.downsampling // config.subpixels
    side = piece_side(grid.nz * fine, fine, tiling.rows) + 2 * reach_of(len(config.fine_widths))
    piece = grid.nz * fine * min(side, rows * fine) * min(side, grid.view_width * fine)
    of_voxel = FINE_MAPS * config.fine_widths[0] + FINE_COPIES * step
    image = grid.nz * grid.view_width * rows * config.downsampling * fine**2
    piece_bytes = FLOAT * piece * of_voxel
    return piece_bytes + min(piece_bytes, FINE_BYTES) + FLOAT * image


def _box_memory(config: LBNConfig, grid: LatentGrid, rows: int, tiling: Tiling) -> float:
    """Bytes of the UNet of the box beside the latent volume: its finest maps, a convolution."""
    if not config.box_widths:
        return 0.0
    width = round_up(grid.view_width, 2 ** (len(config.box_widths) - 1))
    one = FLOAT * grid.nz * rows * width * config.box_widths[0]
    share = 1.0 if tiling.rows is None else min((tiling.rows + 2) / rows, 1.0)
    image = FLOAT * grid.nz * rows * grid.view_width * config.downsampling * grid.subpixels**2
    return UNET_MAPS * one + max(UNET_TAPS * share * one, image)


def _tilt_memory(config: LBNConfig, size: tuple[int, int], tiling: Tiling) -> tuple[float, float]:
    """Bytes around the largest layers of encoder and decoder, for the tilts at once."""
    maps = WHOLE_MAPS if tiling.rows is None else BANDED_MAPS
    largest, stride = 0.0, 1
    for width, step in zip(config.widths, config.strides, strict=True):
        stride *= step
        largest = max(largest, width / stride**2)
    refined = config.refinement_width if config.image_channels else 0
    each = maps * FLOAT * tiling.tilts * size[0] * size[1]
    return each * largest, each * max(largest, refined)


def _matrix_memory(config: LBNConfig, grid: LatentGrid, n_visible: int) -> float:
    """Bytes of the projection matrices, where projection needs any."""
    entries = 2 * n_visible * grid.nx * grid.nz * grid.subpixels**2
    return MATRICES * ENTRY_BYTES * entries


def beside_network(
    size: tuple[int, int], n_visible: int, n_targets: int, *, device: str, whole: bool
) -> int:
    """Bytes of the host that are taken beside the network's work.

    Parameters
    ----------
    size : tuple of int
        (y, x) pixels of a tilt.
    n_visible, n_targets : int
        Tilts that are read, and finished ones, which stay until all are there.
    device : str
        Type of the device; a graphics card holds none of this.
    whole : bool
        Count the program itself: a bound that the user gave is for all of it, what is free
        by itself is so beside the program.
    """
    if device == "cuda":
        return 0
    tilts = FLOAT * size[0] * size[1] * (n_visible + n_targets)
    return int(tilts + HOST_BYTES * whole)


def beside_jackknife(
    config: LBNConfig, size: tuple[int, int], grid: LatentGrid, n_visible: int
) -> int:
    """Bytes that stay while the volumes of fewer tilts are made (`network.jackknife`).

    The volume of all tilts, the mean of the others' image channels, and the latents of some.
    """
    rows = -(-size[0] // config.downsampling)
    image = config.downsampling * grid.subpixels**2
    volume = grid.nx * grid.nz * (config.volume_channels + 2 * image)
    return int(FLOAT * rows * (volume + n_visible * config.tilt_channels * grid.width))

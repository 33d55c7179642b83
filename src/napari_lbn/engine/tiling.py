"""How much of the network's work is done at a time, so that it fits into memory.

Tilts pass encoder and decoder a few at a time, each on its own, so the number changes
nothing. Within a tilt or the latent volume, convolutions run in bands of rows with exact
statistics (`network.layers`), so the band height changes nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import MemoryBoundError
from .network.latent_projection import LatentGrid, round_up
from .network.unet3d import MULTIPLE

if TYPE_CHECKING:
    from .network.config import LBNConfig

FLOAT = 4
WHOLE_MAPS = 5.0
"""Feature maps alive at once around a layer run in one piece (seen on CPU and CUDA)."""
BANDED_MAPS = 3.0
"""The same in bands: input, output, and the residual's copy."""
MAX_TILTS = {"cpu": 2, "cuda": 8, "mps": 4}
"""Tilts at once: enough to fill the device, few enough to cancel soon."""
MIN_ROWS = 8


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Pieces in which the network works.

    Attributes
    ----------
    tilts : int
        Tilts that pass encoder or decoder together.
    rows : int or None
        Height of the bands, in rows of each layer's own output; None is in one piece.
    """

    tilts: int
    rows: int | None

    def smaller(self) -> Tiling | None:
        """The next smaller tiling; None where there is none."""
        if self.tilts > 1:
            return Tiling(tilts=max(self.tilts // 2, 1), rows=self.rows)
        if self.rows is None:
            return Tiling(tilts=1, rows=64)
        if self.rows > MIN_ROWS:
            return Tiling(tilts=1, rows=self.rows // 2)
        return None


def peak_memory(
    config: LBNConfig, size: tuple[int, int], grid: LatentGrid, n_visible: int, tiling: Tiling
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
    """
    maps = WHOLE_MAPS if tiling.rows is None else BANDED_MAPS
    pixels = size[0] * size[1]
    largest, stride = 0.0, 1
    for width, step in zip(config.widths, config.strides, strict=True):
        stride *= step
        largest = max(largest, width / stride**2)
    per_tilt = maps * largest * pixels * FLOAT
    rows = round_up(-(-size[0] // config.downsampling), MULTIPLE)
    d = config.tilt_channels
    voxels = grid.nx * grid.nz * rows
    latents = n_visible * d * grid.width * rows * FLOAT
    volume = voxels * config.volume_channels * FLOAT
    unet = (2 * config.volume_channels + maps * config.unet_widths[0]) * voxels * FLOAT
    return int(
        max(tiling.tilts * per_tilt + 2 * volume, 3 * latents + 2 * volume, latents + volume + unet)
    )


def kept_tilts(size: tuple[int, int], n_targets: int) -> int:
    """Bytes of the finished tilts, which lie beside the network's work until all are there."""
    return FLOAT * size[0] * size[1] * n_targets


def choose_tiling(
    config: LBNConfig,
    size: tuple[int, int],
    grid: LatentGrid,
    *,
    n_visible: int,
    bound: int,
    device: str = "cpu",
) -> Tiling:
    """The largest tiling that fits into `bound` bytes.

    Raises
    ------
    MemoryBoundError
        Even the smallest does not fit.
    """
    tiling: Tiling | None = Tiling(tilts=MAX_TILTS[device], rows=None)
    need = 0
    while tiling is not None:
        need = peak_memory(config, size, grid, n_visible, tiling)
        if need <= bound:
            return tiling
        tiling = tiling.smaller()
    raise MemoryBoundError(
        f"Synthesis of {size[0]} x {size[1]} pixel tilts needs at least {need / 1e9:.1f} GB, "
        f"the memory bound is {bound / 1e9:.1f} GB.",
        "Raise the bound, or bin the series more.",
    )

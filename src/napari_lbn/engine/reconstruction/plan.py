"""How to cut a reconstruction so that it fits into a memory bound."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, hypot
from typing import TYPE_CHECKING

import torch
from scipy.fft import next_fast_len

from ..device import default_memory_bound
from ..errors import MemoryBoundError
from ..geometry import rotation_centre
from ..projection import needs_matrix

if TYPE_CHECKING:
    from .settings import WBPSettings

COLUMNS = 64
"""Rows of y multiplied at a time; what keeps the products in the processor's cache."""
FREE_COLUMNS = 128
"""The same where no matrix is needed, and nothing of it competes for the cache."""
RESERVE = 96 << 20
"""Bytes for the temporaries of filtering and of building the matrix."""
ENTRY_BYTES = 8
"""An entry of the matrix: float32 and int32."""
BLOCK_BYTES = {"cpu": 4 << 20, "cuda": 256 << 20}
"""Of a block of z where no matrix is needed: in a processor's cache, or worth a launch."""
MATRIX_SHARE = 0.25
"""Share of the bound that the matrix may take."""


@dataclass(frozen=True, kw_only=True)
class SlabPlan:
    """How a reconstruction is cut.

    Attributes
    ----------
    rows : int
        Rows of y in a slab of the tomogram, in pixels.
    z_rows : int
        Rows of z whose matrix is held at a time; all of them where it fits.
    columns : int
        Rows of y multiplied at a time.
    margin : int
        Pixels by which filtered tilts are extended on each side, so that every voxel
        finds a value at every tilt.
    memory_bytes : int
        Estimated peak memory, the finished slab that the consumer still holds included.
    """

    rows: int
    z_rows: int
    columns: int
    margin: int
    memory_bytes: int


def plan_slabs(n_tilts: int, shape_yx: tuple[int, int], settings: WBPSettings) -> SlabPlan:
    """Cut a reconstruction into slabs of y, and the matrix into blocks of z.

    Parameters
    ----------
    n_tilts : int
        Number of tilts.
    shape_yx : tuple of int
        Size of the tilts in pixels.
    settings : WBPSettings
        Thickness and memory bound.

    Raises
    ------
    MemoryBoundError
        Not even one row of y fits.
    """
    bound = settings.memory_bound or default_memory_bound(settings.device)
    ny, nx = shape_yx
    nz = settings.thickness
    margin = detector_margin(nx, nz)
    if not needs_matrix(settings.device):
        kind = torch.device(settings.device).type
        block = BLOCK_BYTES.get(kind, BLOCK_BYTES["cuda"])
        return _plan_without_matrix(bound, n_tilts, shape_yx, nz, min(block, bound // 4))
    z_row = 2 * n_tilts * nx * ENTRY_BYTES
    by_row = _bytes_by_row(n_tilts, nx, nz, margin)
    # Leave room for one row of y at least: its share of the output comes first.
    room = bound - RESERVE - by_row
    z_rows = int(min(MATRIX_SHARE * bound // z_row, room // (z_row + 4 * nx), nz))
    if room < z_row + 4 * nx:
        raise MemoryBoundError(
            f"One row of a tomogram {nx} pixels wide and {nz} thick needs "
            f"{_mib(RESERVE + by_row + z_row + 4 * nx)}, more than the {_mib(bound)} allowed.",
            "Raise the memory bound, reduce the thickness, or bin the tilt series.",
        )
    z_rows = max(z_rows, 1)
    fixed = RESERVE + z_rows * z_row
    by_column = 4 * z_rows * nx
    rows = min(ny, COLUMNS, (bound - fixed) // (by_row + by_column))
    if rows == COLUMNS and z_rows < nz:
        # The matrix is built anew for every slab, so slabs are as large as fit.
        rows = min(ny, (bound - fixed - COLUMNS * by_column) // by_row)
        rows -= rows % COLUMNS if rows < ny else 0
    memory = fixed + rows * by_row + min(rows, COLUMNS) * by_column
    return SlabPlan(rows=rows, z_rows=z_rows, columns=COLUMNS, margin=margin, memory_bytes=memory)


def _plan_without_matrix(
    bound: int, n_tilts: int, shape_yx: tuple[int, int], nz: int, block: int
) -> SlabPlan:
    """Blocks of z then only bound the product that is copied into the slab."""
    ny, nx = shape_yx
    margin = detector_margin(nx, nz)
    by_row = _bytes_by_row(n_tilts, nx, nz, margin)
    z_rows = max(1, min(nz, block // (4 * nx * FREE_COLUMNS)))
    by_column = 4 * z_rows * nx
    rows = int(min(ny, FREE_COLUMNS, (bound - RESERVE) // (by_row + by_column)))
    if rows < 1:
        raise MemoryBoundError(
            f"One row of a tomogram {nx} pixels wide and {nz} thick needs "
            f"{_mib(RESERVE + by_row + by_column)}, more than the {_mib(bound)} allowed.",
            "Raise the memory bound, reduce the thickness, or bin the tilt series.",
        )
    memory = RESERVE + rows * (by_row + by_column)
    return SlabPlan(
        rows=rows, z_rows=z_rows, columns=FREE_COLUMNS, margin=margin, memory_bytes=memory
    )


def rows_at_a_time(device: str) -> int:
    """Rows of y that an iterative method best works on."""
    return COLUMNS if needs_matrix(device) else FREE_COLUMNS


def detector_margin(nx: int, nz: int) -> int:
    """Pixels beyond each end of the detector on which a voxel of the box can ever land.

    The same for every tilt series, so that measured and synthesized tilts are filtered
    alike and their tomograms add up to that of the augmented stack.
    """
    reach_x, reach_z = rotation_centre(nx), rotation_centre(nz)
    return ceil(hypot(reach_x, reach_z) - reach_x + 1e-6)


def _bytes_by_row(n_tilts: int, nx: int, nz: int, margin: int) -> int:
    """Memory for one row of y: tilts as read, filtered, in the filter; two slabs of output."""
    width = nx + 2 * margin
    length = next_fast_len(2 * (nx + margin) + 1, real=True)
    # The filter takes one tilt at a time: a padded line, its spectrum twice, the result.
    return 4 * (2 * n_tilts * nx + n_tilts * width + 6 * length + 2 * nz * nx)


def _mib(n_bytes: float) -> str:
    return f"{n_bytes / 2**20:.0f} MiB"

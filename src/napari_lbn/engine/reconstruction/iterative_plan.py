"""How many rows of y an iterative method works on at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import MemoryBoundError
from .plan import RESERVE, rows_at_a_time
from .slab_operator import wide_margin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .iterative_settings import IterativeSettings

MATRIX_SHARE = 0.4
"""Share of the memory bound for matrices, where there are any."""


def plan_rows(
    angles: NDArray[np.float64], shape_yx: tuple[int, int], settings: IterativeSettings, bound: int
) -> int:
    """Rows of y in a slab so that all that an iteration holds stays within the bound.

    Raises
    ------
    MemoryBoundError
        Not even one row fits.
    """
    ny, nx = shape_yx
    margin = wide_margin(angles, nx, settings.thickness) if settings.beyond == "specimen" else 0
    voxels = settings.thickness * (nx + 2 * margin)
    by_row = 4 * settings.copies * (voxels + len(angles) * nx)
    room = (1 - MATRIX_SHARE) * bound - RESERVE
    fit = int(room // by_row) - 2 * settings.halo
    if fit < 1:
        needed = (RESERVE + (1 + 2 * settings.halo) * by_row) / (1 - MATRIX_SHARE)
        raise MemoryBoundError(
            f"Iterating on one row of a tomogram {nx + 2 * margin} pixels wide and "
            f"{settings.thickness} thick needs {needed / 2**20:.0f} MiB, more than the "
            f"{bound / 2**20:.0f} MiB allowed.",
            "Raise the memory bound, reduce the thickness, or bin the tilt series.",
        )
    return min(ny, fit, max(rows_at_a_time(settings.device) - 2 * settings.halo, 1))

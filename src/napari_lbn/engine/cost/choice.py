"""Which tiling fits into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import MemoryBoundError
from .memory import peak_memory
from .tiling import MAX_TILTS, Tiling

if TYPE_CHECKING:
    from ..network.config import LBNConfig
    from ..network.latent_grid import LatentGrid


def choose_tiling(
    config: LBNConfig,
    size: tuple[int, int],
    grid: LatentGrid,
    *,
    n_visible: int,
    bound: int,
    device: str = "cpu",
    beside: int = 0,
) -> Tiling:
    """The largest tiling that fits into `bound` bytes, `beside` of which are taken.

    Raises
    ------
    MemoryBoundError
        Even the smallest does not fit.
    """
    tiling: Tiling | None = Tiling(tilts=MAX_TILTS[device], rows=None)
    need = 0
    while tiling is not None:
        need = beside + peak_memory(config, size, grid, n_visible, tiling, device)
        if need <= bound:
            return tiling
        tiling = tiling.smaller()
    raise MemoryBoundError(
        f"Synthesis of {size[0]} x {size[1]} pixel tilts needs at least {need / 1e9:.1f} GB, "
        f"the memory bound is {bound / 1e9:.2g} GB.",
        "Raise the bound, or bin the series more.",
    )

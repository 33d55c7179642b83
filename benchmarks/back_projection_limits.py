"""What the memory system of this machine allows a back-projection, measured here and now."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from back_projection_methods import Case


def print_limits(case: Case, best: float) -> None:
    """What the memory system allows, measured here and now, in updates a second.

    An update loads two values of a tilt, 8 bytes, which lie in the first cache; a voxel is
    written to main memory once for all tilts, and read before (12 bytes with the copy into
    the tomogram). The smaller of both limits is the one that counts.
    """
    big = np.ones(1 << 25, np.float32)
    copy = np.empty_like(big)
    seconds = min(timed(lambda: np.copyto(copy, big)) for _ in range(4))
    main_memory = 3 * big.nbytes / seconds  # read, fetched for writing, written
    by_voxel = main_memory / 12 * case.n_tilts / 1e9
    print(f"\n{'limit of the memory system':<28}{'10^9 updates/s':>16}{'reached':>10}")
    note = f"{main_memory / 1e9:.1f} GB/s, one thread"
    print(f"{'main memory, each voxel':<28}{by_voxel:>16.1f}{best / by_voxel:>10.0%}   {note}")
    if importlib.util.find_spec("numba") is None:
        return
    cache = first_cache_bandwidth()
    by_load = cache / 8 / 1e9 * case.threads
    note = f"{cache / 1e9:.0f} GB/s a thread"
    print(f"{'first cache, each load':<28}{by_load:>16.1f}{best / by_load:>10.0%}   {note}")


def first_cache_bandwidth() -> float:
    """Bytes a second that a compiled loop loads from 16 KB, again and again."""
    import numba

    @numba.njit(fastmath=True)
    def load(array: np.ndarray, rounds: int) -> float:
        total = np.float32(0)
        for k in range(rounds):
            some = np.float32(0)
            for i in range(array.size):
                some += array[i]
            total += some * np.float32(k)
            array[k % array.size] = some  # so that no round can be left out
        return total

    array = np.zeros(4096, np.float32)
    load(array, 1)
    rounds = 20_000
    return rounds * array.nbytes / min(timed(lambda: load(array, rounds)) for _ in range(5))


def timed(function: Callable[[], object]) -> float:
    """Seconds of the processor that a call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start

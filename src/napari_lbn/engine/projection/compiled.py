"""Projection without a matrix, by compiled loops on the CPU; used where Numba is installed.

Nothing but the arrays themselves takes memory, so that volumes of any size can be
projected at once, and iterated on.
"""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .plain import PlainBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from .geometry import ProjectionGeometry

PIECES = 4
"""Pieces of work a thread, so that all end at about the same time."""
PARALLEL_WORK = 1 << 22
"""Voxel updates from which work is spread over threads."""


@cache
def has_numba() -> bool:
    """Whether the compiled loops can be used here."""
    return importlib.util.find_spec("numba") is not None


class CompiledBackend:
    """Numba loops, in as many threads as torch uses.

    Threads share the volume's rows of z in back-projection, the tilts in projection, so
    that no two of them write to one place.
    """

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        from . import kernels

        self._kernels = kernels
        self._geometry = geometry
        # The loops take two detector pixels at a time.
        narrow = geometry.detector_size < 2
        self._narrow = PlainBackend(geometry, device, dtype) if narrow else None
        theta = np.deg2rad(geometry.angles)
        cos, sin = np.cos(theta), np.sin(theta)
        width = np.maximum(np.abs(cos), np.abs(sin))
        if geometry.footprint == "linear":
            width = np.ones_like(cos)
        self._rays = np.stack([cos, sin, width])
        self._shape = geometry.nx, geometry.detector_size
        self._centres = (*map(float, geometry.centre_zx), float(geometry.centre_q))

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        if self._narrow is not None:
            return self._narrow.back_project(tilts)
        geometry = self._geometry

        def fill(source: NDArray[Any], volume: NDArray[Any], rows: tuple[int, int]) -> None:
            self._kernels.back_project_rows(
                source, volume, rows, self._shape, self._rays, self._centres
            )

        return self._by_columns(tilts, geometry.nz * geometry.nx, fill, geometry.nz)

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        if self._narrow is not None:
            return self._narrow.project(volume)
        geometry = self._geometry

        def add(source: NDArray[Any], tilts: NDArray[Any], chosen: tuple[int, int]) -> None:
            self._kernels.project_tilts(
                source, tilts, chosen, self._shape, self._rays, self._centres
            )

        n_rows = geometry.n_tilts * geometry.detector_size
        return self._by_columns(volume, n_rows, add, geometry.n_tilts)

    def _by_columns(
        self,
        given: Tensor,
        n_rows: int,
        work: Callable[[NDArray[Any], NDArray[Any], tuple[int, int]], None],
        size: int,
    ) -> Tensor:
        """Apply a kernel to columns that fit the caches, `size` being what threads share."""
        source = given.numpy()
        n_columns = source.shape[1]
        result = np.zeros((n_rows, n_columns), source.dtype)
        n_parts = max(-(-n_columns // self._kernels.COLUMNS), 1)
        edges = np.linspace(0, n_columns, n_parts + 1).astype(int)
        for start, stop in pairwise(edges):
            if n_parts == 1:
                part, made = source, result
            else:
                part = np.ascontiguousarray(source[:, start:stop])
                made = np.zeros((n_rows, stop - start), source.dtype)
            self._share(partial(work, part, made), size, stop - start)
            if n_parts > 1:
                result[:, start:stop] = made
        return torch.from_numpy(result)

    def _share(self, work: Callable[[tuple[int, int]], None], size: int, n_columns: int) -> None:
        """Do the work on ranges that make up `size`."""
        geometry, threads = self._geometry, torch.get_num_threads()
        updates = geometry.nz * geometry.nx * geometry.n_tilts * n_columns
        if threads < 2 or updates < PARALLEL_WORK:
            work((0, size))
            return
        edges = np.unique(np.linspace(0, size, PIECES * threads + 1).astype(int))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, [(int(a), int(b)) for a, b in pairwise(edges)]))

"""Projection as a sparse matrix: SciPy, MKL and cuSPARSE."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from .footprint import detector_taps

if TYPE_CHECKING:
    from collections.abc import Callable

    from .geometry import ProjectionGeometry

INT32_MAX = 2**31 - 1
PARALLEL_WORK = 1 << 24
"""Multiply-adds from which a SciPy product is spread over threads."""


class ScipyBackend:
    """SciPy's CSR product on the CPU, in as many threads as torch uses.

    SciPy releases the interpreter lock inside the product. Threads share the matrix's
    rows: each back-projects its own voxels, or projects its own and the results add up.
    """

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        columns, shares = detector_taps(geometry, device=device, dtype=dtype)
        pointers = _row_pointers(geometry, columns.numel())
        entries = (shares.flatten().numpy(), columns.flatten().numpy(), pointers.numpy())
        self._matrix = csr_array(entries, shape=_matrix_shape(geometry))

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        dense = tilts.numpy()
        parts = _in_threads(lambda rows: rows @ dense, self._split(dense.shape[1]))
        return torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        parts = self._split(volume.shape[1])
        edges = pairwise(np.cumsum([0, *(rows.shape[0] for rows in parts)]))
        dense = [volume.numpy()[start:stop] for start, stop in edges]
        sums = _in_threads(lambda pair: pair[0].T @ pair[1], list(zip(parts, dense, strict=True)))
        return torch.from_numpy(sum(sums[1:], start=sums[0]))

    def _split(self, n_columns: int) -> list[csr_array]:
        """The matrix in one piece of rows for each thread, sharing its memory."""
        matrix, threads = self._matrix, torch.get_num_threads()
        if threads < 2 or matrix.nnz * n_columns < PARALLEL_WORK:
            return [matrix]
        edges = np.linspace(0, matrix.shape[0], threads + 1).astype(int)
        return [_rows(matrix, start, stop) for start, stop in pairwise(edges) if start < stop]


class MklBackend(ScipyBackend):
    """MKL's CSR product, through torch, for back-projection; SciPy's for projection.

    Both use the same entries in the same memory. MKL back-projects about 1.3 times as
    fast as SciPy, but would need a second, transposed matrix to project, and is slower
    with it on large volumes.
    """

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(geometry, device, dtype)
        # MKL counts in int32; a larger matrix is SciPy's alone.
        self._shared = None if self._matrix.indptr.dtype != np.int32 else _as_torch(self._matrix)

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        return super().back_project(tilts) if self._shared is None else self._shared @ tilts


class TorchSparseBackend:
    """Torch's CSR product; the transposed matrix is built when projection first needs it."""

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        columns, shares = detector_taps(geometry, device=device, dtype=dtype)
        pointers = _row_pointers(geometry, columns.numel()).to(device)
        self._matrix = _torch_csr(
            pointers, columns.flatten(), shares.flatten(), _matrix_shape(geometry)
        )
        self._transposed: Tensor | None = None

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        return self._matrix @ tilts

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        if self._transposed is None:
            self._transposed = _transpose(self._matrix)
        return self._transposed @ volume


def _matrix_shape(geometry: ProjectionGeometry) -> tuple[int, int]:
    return geometry.nz * geometry.nx, geometry.n_tilts * geometry.detector_size


def _row_pointers(geometry: ProjectionGeometry, n_entries: int) -> Tensor:
    """Start of each matrix row; every volume pixel has two entries for each tilt."""
    index = torch.int32 if n_entries <= INT32_MAX else torch.int64
    n_rows = geometry.nz * geometry.nx
    return torch.arange(n_rows + 1, dtype=index) * (2 * geometry.n_tilts)


def _rows(matrix: csr_array, start: int, stop: int) -> csr_array:
    """Rows of a CSR matrix, sharing its memory."""
    first, last = matrix.indptr[start], matrix.indptr[stop]
    pointers = matrix.indptr[start : stop + 1] - first
    entries = (matrix.data[first:last], matrix.indices[first:last], pointers)
    return csr_array(entries, shape=(stop - start, matrix.shape[1]))


def _in_threads(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """Apply a function to each item, in threads where there is more than one."""
    if len(items) == 1:
        return [function(items[0])]
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(function, items))


def _as_torch(matrix: csr_array) -> Tensor:
    """A SciPy CSR matrix as a torch one, sharing its memory."""
    pointers, columns = torch.from_numpy(matrix.indptr), torch.from_numpy(matrix.indices)
    return _torch_csr(pointers, columns, torch.from_numpy(matrix.data), matrix.shape)


def _transpose(matrix: Tensor) -> Tensor:
    """Transpose of a torch CSR matrix whose rows have equally many entries, as CSR."""
    columns = matrix.col_indices()
    n_rows, n_columns = matrix.shape
    order = torch.argsort(columns, stable=True)
    counts = torch.bincount(columns, minlength=n_columns)
    pointers = torch.nn.functional.pad(counts.cumsum(0), (1, 0)).to(columns.dtype)
    rows = (order // (len(columns) // n_rows)).to(columns.dtype)
    return _torch_csr(pointers, rows, matrix.values()[order], (n_columns, n_rows))


def _torch_csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A torch CSR tensor; both index arrays get the dtype of the pointers."""
    _warn_once()
    return torch.sparse_csr_tensor(
        pointers, columns.to(pointers.dtype), values, size=shape, check_invariants=False
    )


@cache
def _warn_once() -> None:
    """Provoke torch's once-only warnings, "CSR is in beta", where nobody reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        empty = torch.zeros(1, dtype=torch.int32)
        torch.sparse_csr_tensor(torch.zeros(2, dtype=torch.int32), empty[:0], empty[:0], (1, 1))

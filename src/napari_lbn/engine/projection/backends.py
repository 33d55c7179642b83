"""The ways to multiply with the projection matrix, and the one place that chooses.

``plain`` gathers and adds with torch on any device and dtype, and defines the result.
``scipy`` and ``torch-sparse`` multiply with the same entries as a sparse matrix of
shape ``(nz * nx, n_tilts * n_detector)``; its product with tilts is back-projection and
that of its transpose is projection.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol, TypeAlias

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from ..errors import DeviceError
from .footprint import detector_taps
from .geometry import ProjectionGeometry

BackendName: TypeAlias = Literal["auto", "plain", "scipy", "torch-sparse"]

SPARSE_DTYPES = (torch.float32, torch.float64)
PLAIN_ELEMENTS = 1 << 24
"""Elements that the plain backend gathers at a time."""
PARALLEL_WORK = 1 << 24
"""Multiply-adds from which a product is spread over threads."""


class Backend(Protocol):
    """Products with the projection matrix and with its transpose."""

    def project(self, volume: Tensor) -> Tensor:
        """``(nz * nx, columns)`` to ``(n_tilts * n_detector, columns)``."""

    def back_project(self, tilts: Tensor) -> Tensor:
        """``(n_tilts * n_detector, columns)`` to ``(nz * nx, columns)``."""


def choose_backend(name: BackendName, device: torch.device, dtype: torch.dtype) -> BackendName:
    """The backend that ``"auto"`` stands for on this device and dtype, and whether it can run.

    Raises
    ------
    DeviceError
        The named backend does not run on this device with this dtype.
    """
    if name == "auto":
        if dtype not in SPARSE_DTYPES:
            return "plain"
        fast: dict[str, BackendName] = {"cpu": "scipy", "cuda": "torch-sparse"}
        return fast.get(device.type, "plain")
    if name not in BACKENDS:
        raise DeviceError(f"Unknown projection backend {name!r}.", f"One of {sorted(BACKENDS)}.")
    able = name == "plain" or (
        dtype in SPARSE_DTYPES
        and device.type in {"scipy": ("cpu",), "torch-sparse": ("cpu", "cuda")}[name]
    )
    if not able:
        raise DeviceError(
            f"The projection backend {name!r} does not run on {device} with {dtype}.",
            'Use the backend "auto".',
        )
    return name


def make_backend(
    name: BackendName, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
) -> Backend:
    """Build a backend chosen by `choose_backend`."""
    return BACKENDS[choose_backend(name, device, dtype)](geometry, device, dtype)


class PlainBackend:
    """Gather and index-add, a few tilts at a time; nothing is stored."""

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        columns, shares = detector_taps(geometry, device=device, dtype=dtype)
        shape = (geometry.nz * geometry.nx, -1)
        self._columns = columns.reshape(shape).long()
        self._shares = shares.reshape(shape)
        self._n_tilts_rows = geometry.n_tilts * geometry.detector_size

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        volume = tilts.new_zeros(len(self._columns), tilts.shape[1])
        for part in self._parts(tilts):
            columns, shares = self._columns[:, part], self._shares[:, part, None]
            volume += (tilts[columns] * shares).sum(1)
        return volume

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        tilts = volume.new_zeros(self._n_tilts_rows, volume.shape[1])
        for part in self._parts(volume):
            columns, shares = self._columns[:, part], self._shares[:, part, None]
            splat = (volume[:, None] * shares).flatten(0, 1)
            tilts.index_add_(0, columns.flatten(), splat)
        return tilts

    def _parts(self, dense: Tensor) -> list[slice]:
        """Slices of the taps whose products fit into `PLAIN_ELEMENTS`."""
        taps = self._columns.shape[1]
        step = max(1, PLAIN_ELEMENTS // max(1, len(self._columns) * dense.shape[1]))
        return [slice(start, start + step) for start in range(0, taps, step)]


class ScipyBackend:
    """SciPy's CSR product on the CPU, as many threads as torch uses.

    SciPy releases the interpreter lock inside the product. Threads share the matrix's
    rows: each back-projects its own voxels, or projects its own and the results add up.
    """

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        columns, shares = detector_taps(geometry, device=device, dtype=dtype)
        self._matrix = _csr(columns.numpy(), shares.numpy(), geometry)

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        dense = tilts.numpy()
        parts = _map(lambda part: part @ dense, self._split(dense))
        return torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        dense = volume.numpy()
        split = self._split(dense)
        starts = np.cumsum([0, *(part.shape[0] for part in split)])
        pieces = [dense[i:j] for i, j in zip(starts[:-1], starts[1:], strict=True)]
        parts = _map(lambda pair: pair[0].T @ pair[1], list(zip(split, pieces, strict=True)))
        return torch.from_numpy(sum(parts[1:], start=parts[0]))

    def _split(self, dense: np.ndarray) -> list[csr_array]:
        """The matrix's rows in one piece for each thread, sharing its memory."""
        matrix = self._matrix
        threads = torch.get_num_threads()
        if threads < 2 or matrix.nnz * dense.shape[1] < PARALLEL_WORK:
            return [matrix]
        edges = np.linspace(0, matrix.shape[0], threads + 1).astype(int)
        return [_rows(matrix, i, j) for i, j in zip(edges[:-1], edges[1:], strict=True) if i < j]


class TorchSparseBackend:
    """Torch's CSR product; the transposed matrix is built when projection first needs it."""

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        columns, shares = detector_taps(geometry, device=device, dtype=dtype)
        n_pixels, n_taps = geometry.nz * geometry.nx, 2 * geometry.n_tilts
        self._shape = (n_pixels, geometry.n_tilts * geometry.detector_size)
        pointers = torch.arange(n_pixels + 1, device=columns.device) * n_taps
        self._matrix = _torch_csr(pointers, columns.flatten(), shares.flatten(), self._shape)
        self._transposed: Tensor | None = None

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        return self._matrix @ tilts

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        if self._transposed is None:
            self._transposed = self._transpose()
        return self._transposed @ volume

    def _transpose(self) -> Tensor:
        columns = self._matrix.col_indices()
        n_pixels, n_columns = self._shape
        order = torch.argsort(columns, stable=True)
        counts = torch.bincount(columns, minlength=n_columns)
        pointers = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
        pixels = order // (len(columns) // n_pixels)
        values = self._matrix.values()[order]
        return _torch_csr(pointers, pixels, values, (n_columns, n_pixels))


BACKENDS: dict[str, Callable[[ProjectionGeometry, torch.device, torch.dtype], Backend]] = {
    "plain": PlainBackend,
    "scipy": ScipyBackend,
    "torch-sparse": TorchSparseBackend,
}


def _csr(columns: np.ndarray, shares: np.ndarray, geometry: ProjectionGeometry) -> csr_array:
    """The matrix; every row has two entries for each tilt."""
    shape = (geometry.nz * geometry.nx, geometry.n_tilts * geometry.detector_size)
    index = np.int32 if columns.size < np.iinfo(np.int32).max else np.int64
    pointers = np.arange(shape[0] + 1, dtype=index) * index(2 * geometry.n_tilts)
    return csr_array((shares.ravel(), columns.ravel(), pointers), shape=shape)


def _rows(matrix: csr_array, start: int, stop: int) -> csr_array:
    """Rows of a CSR matrix, sharing its memory."""
    first, last = matrix.indptr[start], matrix.indptr[stop]
    entries = (matrix.data[first:last], matrix.indices[first:last])
    pointers = matrix.indptr[start : stop + 1] - first
    return csr_array((*entries, pointers), shape=(stop - start, matrix.shape[1]))


def _map(function: Callable, items: list) -> list:
    """Apply a function to each item, in threads where there is more than one."""
    if len(items) == 1:
        return [function(items[0])]
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(function, items))


def _torch_csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A torch CSR tensor; int32 indices, which cuSPARSE and MKL take fastest, where they fit."""
    index = torch.int32 if max(len(values), *shape) < torch.iinfo(torch.int32).max else torch.int64
    with warnings.catch_warnings():
        # Says that CSR is in beta and that invariants are not checked.
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            pointers.to(index), columns.to(index), values, size=shape, check_invariants=False
        )

"""Projection without a matrix on a GPU, where Triton is installed and works."""

from __future__ import annotations

import importlib.util
import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from .geometry import ProjectionGeometry
from .plain import PlainBackend

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

TILE = 2048
"""Values that a program computes: columns times voxels or detector pixels."""
MOST_COLUMNS = 64
"""Columns of a program: 256 bytes that neighbouring threads load together."""
MOST_ROWS = 256
"""Voxels or pixels of a program: more would not fit into registers."""


class TritonBackend:
    """Kernels that gather, in float32; see `triton_kernels`.

    Raises
    ------
    ImportError
        Triton is not installed.
    """

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        from . import triton_kernels

        if dtype != torch.float32:
            raise TypeError("The kernels compute in float32.")
        self._kernels = triton_kernels
        self._geometry = geometry
        theta = np.deg2rad(geometry.angles)
        cos, sin = np.cos(theta), np.sin(theta)
        steep = np.abs(sin) > np.abs(cos)
        width = np.maximum(np.abs(cos), np.abs(sin))
        slopes = np.stack([1 / np.where(steep, sin, cos), steep])
        if geometry.footprint == "linear":
            width = np.ones_like(cos)
        centre_z, centre_x = geometry.centre_zx
        shift = geometry.centre_q - centre_x * cos - centre_z * sin
        self._centred = self._fixed(cos, sin, shift).to(device)
        self._left_edge = self._fixed(cos, sin, shift + 0.5 - width / 2).to(device)
        self._slopes = torch.from_numpy(slopes).float().to(device)
        self._widths = torch.from_numpy(width).float().to(device)

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        geometry, n_columns = self._geometry, tilts.shape[1]
        volume = tilts.new_empty(geometry.nz * geometry.nx, n_columns)
        if n_columns:
            columns, voxels = tile(n_columns)
            grid = _blocks(geometry.nx, voxels), geometry.nz, _blocks(n_columns, columns)
            sizes = geometry.n_tilts, geometry.nx, geometry.detector_size, n_columns
            with _on(tilts.device):
                self._kernels.back_project_kernel[grid](
                    tilts,
                    volume,
                    self._left_edge,
                    self._widths,
                    *sizes,
                    VOXELS=voxels,
                    COLUMNS=columns,
                )
        return volume

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        geometry, n_columns = self._geometry, volume.shape[1]
        size = geometry.detector_size
        tilts = volume.new_empty(geometry.n_tilts * size, n_columns)
        if n_columns:
            columns, pixels = tile(n_columns)
            grid = _blocks(size, pixels), geometry.n_tilts, _blocks(n_columns, columns)
            with _on(volume.device):
                self._kernels.project_kernel[grid](
                    volume,
                    tilts,
                    self._centred,
                    self._slopes,
                    self._widths,
                    geometry.nx,
                    geometry.nz,
                    size,
                    n_columns,
                    PIXELS=pixels,
                    COLUMNS=columns,
                )
        return tilts

    def _fixed(
        self, cos: NDArray[np.float64], sin: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> Tensor:
        """``(3, n)`` int64."""
        rays = np.stack([cos, sin, shift]) * float(1 << self._kernels.FRACTION_BITS)
        return torch.from_numpy(np.rint(rays).astype(np.int64))


def tile(n_columns: int) -> tuple[int, int]:
    """Columns of a program, and voxels or pixels; both powers of two, as Triton wants them."""
    columns = min(MOST_COLUMNS, 1 << max(n_columns - 1, 0).bit_length())
    return columns, min(TILE // columns, MOST_ROWS)


@cache
def triton_works(device: torch.device) -> bool:
    """Whether the kernels can be used on this GPU: they are compiled and tried once.

    Triton needs a C compiler and a card that it knows; where something is missing, sparse
    products do the work.
    """
    here = device.type == "cuda" and torch.cuda.is_available()
    if not here or importlib.util.find_spec("triton") is None:
        return False
    geometry = ProjectionGeometry(angles=(-50.0, 3.0, 70.0), nx=9, nz=5, footprint="distance")
    try:
        backends = [kind(geometry, device, torch.float32) for kind in (TritonBackend, PlainBackend)]
        tilts = torch.linspace(-1, 1, 27 * 4, device=device).view(27, 4)
        volume = torch.linspace(-1, 1, 45 * 4, device=device).view(45, 4)
        for one, other in zip(
            *([b.back_project(tilts), b.project(volume)] for b in backends), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    except Exception as error:  # compilers, drivers and cards fail in many ways
        warnings.warn(f"Triton does not work on {device}: {error}", stacklevel=2)
        return False
    return True


def _blocks(size: int, block: int) -> int:
    return -(-size // block)


def _on(device: torch.device) -> torch.cuda.device:
    """Launches go to the current GPU, so the arrays' own is made current."""
    return torch.cuda.device(device if device.type == "cuda" else -1)

"""The ways to multiply with the projection matrix, and the one place that chooses.

The matrix has shape ``(nz * nx, n_tilts * n_detector)``: its product with tilts is
back-projection, that of its transpose is projection. ``plain`` defines the result on
every device; the sparse products hold the same entries and are tested against it, and
so are the compiled loops and GPU kernels, which need no matrix at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import torch

from ..errors import DeviceError
from .compiled import CompiledBackend, has_numba
from .plain import PlainBackend
from .sparse import MklBackend, ScipyBackend, TorchSparseBackend
from .triton_backend import TritonBackend, triton_works

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from .geometry import ProjectionGeometry

BackendName: TypeAlias = Literal[
    "auto", "plain", "compiled", "scipy", "mkl", "torch-sparse", "triton"
]
MATRIX_FREE: tuple[BackendName, ...] = ("compiled", "triton")


class Backend(Protocol):
    """Products with the projection matrix and with its transpose."""

    def project(self, volume: Tensor) -> Tensor:
        """``(nz * nx, columns)`` to ``(n_tilts * n_detector, columns)``."""

    def back_project(self, tilts: Tensor) -> Tensor:
        """``(n_tilts * n_detector, columns)`` to ``(nz * nx, columns)``."""


BACKENDS: dict[str, Callable[[ProjectionGeometry, torch.device, torch.dtype], Backend]] = {
    "plain": PlainBackend,
    "compiled": CompiledBackend,
    "scipy": ScipyBackend,
    "mkl": MklBackend,
    "torch-sparse": TorchSparseBackend,
    "triton": TritonBackend,
}


def available_backends(device: torch.device, dtype: torch.dtype) -> list[BackendName]:
    """Backends that run on this device with this dtype, the fastest first."""
    names: list[BackendName] = []
    if dtype in (torch.float32, torch.float64):
        if device.type == "cpu":
            has_mkl = torch.backends.mkl.is_available()
            names = ["compiled"] if has_numba() else []
            names += ["mkl"] if has_mkl else []
            names += ["scipy", "torch-sparse"]
        elif device.type == "cuda":
            single = dtype == torch.float32
            names = ["triton"] if single and triton_works(device) else []
            names += ["torch-sparse"]
    return [*names, "plain"]


def needs_matrix(device: torch.device | str) -> bool:
    """Whether the fastest backend on this device holds the projection matrix in memory."""
    return available_backends(torch.device(device), torch.float32)[0] not in MATRIX_FREE


def choose_backend(name: BackendName, device: torch.device, dtype: torch.dtype) -> BackendName:
    """The fastest backend for ``"auto"``, else the named one.

    Raises
    ------
    DeviceError
        The named backend does not run on this device with this dtype.
    """
    names = available_backends(device, dtype)
    if name == "auto":
        return names[0]
    if name not in names:
        raise DeviceError(
            f"No projection backend {name!r} on {device} with {dtype}.",
            f"Use one of {', '.join(names)}, or auto.",
        )
    return name


def make_backend(
    name: BackendName, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
) -> Backend:
    """Build a backend that `choose_backend` named."""
    return BACKENDS[name](geometry, device, dtype)

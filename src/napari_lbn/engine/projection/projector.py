"""Projection A and back-projection A.T as differentiable linear operators."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import torch

from ..errors import InputError
from .backends import BackendName, choose_backend, make_backend

if TYPE_CHECKING:
    from torch import Tensor

    from .geometry import ProjectionGeometry


class _LinearOperator:
    """What A and A.T share: checks, flattening, and the exact adjoint as derivative."""

    device: torch.device
    dtype: torch.dtype

    @property
    def domain_shape(self) -> tuple[int, int]:
        """Leading axes of the input."""
        raise NotImplementedError

    @property
    def range_shape(self) -> tuple[int, int]:
        """Leading axes of the output."""
        raise NotImplementedError

    @property
    def T(self) -> _LinearOperator:  # noqa: N802
        """The exact adjoint."""
        raise NotImplementedError

    def _multiply(self, dense: Tensor) -> Tensor:
        """The matrix product, without derivative."""
        raise NotImplementedError

    def __call__(self, array: Tensor) -> Tensor:
        """Apply the operator.

        Parameters
        ----------
        array : Tensor
            ``(*domain_shape, *columns)`` on the operator's device; columns are anything
            that shares the geometry: y, channels, batch. Cast to the operator's dtype.

        Returns
        -------
        Tensor
            ``(*range_shape, *columns)``.

        Raises
        ------
        InputError
            A shape or device other than the operator's.
        """
        shape = tuple(array.shape)
        if shape[:2] != self.domain_shape:
            raise InputError(f"Expected {self.domain_shape} + columns, not {shape}.")
        if array.device != self.device:
            raise InputError(f"The operator is on {self.device}, its input on {array.device}.")
        dense = array.to(self.dtype).reshape(prod(self.domain_shape), prod(shape[2:])).contiguous()
        product: Tensor = _Apply.apply(dense, self)  # type: ignore[no-untyped-call]
        return product.reshape(*self.range_shape, *shape[2:])


class _Apply(torch.autograd.Function):
    """A linear map; its derivative is the adjoint, itself differentiable."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, operator: _LinearOperator) -> Tensor:
        ctx.operator = operator
        # Under autocast a sparse product would run in half precision.
        with torch.autocast(dense.device.type, enabled=False):
            return operator._multiply(dense.detach())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        dense = gradient.to(ctx.operator.dtype).contiguous()
        return _Apply.apply(dense, ctx.operator.T), None  # type: ignore[no-untyped-call]


class Projector(_LinearOperator):
    """Projection A: line integrals of volume planes, in pixel units.

    ``A(volume)`` takes ``(nz, nx, *columns)`` to ``(n_tilts, n_detector, *columns)``;
    ``A.T`` is back-projection, its exact adjoint. Both are differentiable. Arrays are
    fastest when the columns (y, channels) are contiguous.

    Parameters
    ----------
    geometry : ProjectionGeometry
        Angles, sizes, centres and footprint.
    device : str or torch.device
        Where the operator lives and its arrays must be.
    dtype : torch.dtype
        Of the products.
    backend : {"auto", "plain", "compiled", "scipy", "mkl", "torch-sparse", "triton"}
        How to multiply; all give the same result.
    """

    def __init__(
        self,
        geometry: ProjectionGeometry,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        backend: BackendName = "auto",
    ) -> None:
        self.geometry = geometry
        # An empty tensor names the device in full: "cuda" becomes "cuda:0".
        self.device = torch.empty(0, device=device).device
        self.dtype = dtype
        self.backend = choose_backend(backend, self.device, dtype)
        self._backend = make_backend(self.backend, geometry, self.device, dtype)

    @property
    def domain_shape(self) -> tuple[int, int]:
        """(nz, nx)."""
        return self.geometry.volume_shape

    @property
    def range_shape(self) -> tuple[int, int]:
        """(n_tilts, n_detector)."""
        return self.geometry.tilts_shape

    @property
    def T(self) -> BackProjector:  # noqa: N802
        """Back-projection, the exact adjoint."""
        return BackProjector(self)

    def _multiply(self, dense: Tensor) -> Tensor:
        return self._backend.project(dense)


class BackProjector(_LinearOperator):
    """Back-projection A.T: each volume pixel sums what lies under it on every tilt.

    Takes ``(n_tilts, n_detector, *columns)`` to ``(nz, nx, *columns)``; ``A.T.T is A``.
    Made by ``Projector.T``; both share one matrix.
    """

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self.geometry = projector.geometry
        self.device = projector.device
        self.dtype = projector.dtype

    @property
    def domain_shape(self) -> tuple[int, int]:
        """(n_tilts, n_detector)."""
        return self._projector.range_shape

    @property
    def range_shape(self) -> tuple[int, int]:
        """(nz, nx)."""
        return self._projector.domain_shape

    @property
    def T(self) -> Projector:  # noqa: N802
        """Projection, the operator that this is the adjoint of."""
        return self._projector

    def _multiply(self, dense: Tensor) -> Tensor:
        return self._projector._backend.back_project(dense)

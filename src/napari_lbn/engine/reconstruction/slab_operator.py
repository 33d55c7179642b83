"""Projection of a slab for iterative methods: in blocks of z where a matrix would not fit."""

from __future__ import annotations

from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..projection import ProjectionGeometry, Projector, needs_matrix
from .plan import ENTRY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

MATRICES = 2
"""CUDA's sparse products hold the transposed matrix too."""


class SlabOperator:
    """A and A.T of one volume, wider than the detector where the specimen goes on beyond it.

    Parameters
    ----------
    angles : ndarray
        ``(n_tilts,)`` degrees.
    nx, nz : int
        Width of the tilts and thickness, pixels.
    wide : bool
        Make the volume so wide that every ray passes through its whole thickness.
    device : str
        Torch device.
    matrix_bytes : int
        Memory that matrices may take; beyond it they are made anew for each product, in
        blocks of z.
    """

    def __init__(
        self,
        angles: NDArray[np.float64],
        nx: int,
        nz: int,
        *,
        wide: bool,
        device: str,
        matrix_bytes: int,
    ) -> None:
        self.margin = wide_margin(angles, nx, nz) if wide else 0
        self.device = device
        self.geometry = ProjectionGeometry(
            angles=tuple(angles),
            nx=nx + 2 * self.margin,
            nz=nz,
            n_detector=nx,
            footprint="distance",
        )
        z_row = MATRICES * 2 * len(angles) * self.geometry.nx * ENTRY_BYTES
        fit = nz if not needs_matrix(device) else max(1, int(matrix_bytes // z_row))
        self._edges = [(z, min(z + fit, nz)) for z in range(0, nz, fit)]
        self._kept: Projector | None = None

    @property
    def volume_shape(self) -> tuple[int, int]:
        """(z, x) of the volume, margins included."""
        return self.geometry.volume_shape

    def project(self, volume: Tensor) -> Tensor:
        """``(z, x, columns)`` to ``(n_tilts, nx, columns)``."""
        parts = (projector(volume[z]) for z, projector in self._blocks())
        total = next(parts)
        for part in parts:
            total += part
        return total

    def back_project(self, tilts: Tensor) -> Tensor:
        """The exact adjoint of `project`."""
        parts = [projector.T(tilts) for _, projector in self._blocks()]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def crop(self, volume: Tensor) -> Tensor:
        """The field of view's part of a volume."""
        return volume[:, self.margin : volume.shape[1] - self.margin]

    @cached_property
    def ray_sums(self) -> Tensor:
        """``(n_tilts, nx, 1)``: length of each ray inside the volume."""
        return self.project(torch.ones(*self.volume_shape, 1, device=self.device))

    def voxel_sums(self, tilt_weights: Tensor) -> Tensor:
        """``(z, x, 1)``: how often each voxel is seen, tilts counting ``(n_tilts,)``."""
        shape = (*self.geometry.tilts_shape, 1)
        return self.back_project(tilt_weights[:, None, None].expand(shape).contiguous())

    def _blocks(self) -> Iterator[tuple[slice, Projector]]:
        for start, stop in self._edges:
            if self._kept is not None:
                yield slice(start, stop), self._kept
                continue
            projector = Projector(self.geometry.z_block(start, stop), device=self.device)
            if len(self._edges) == 1:
                self._kept = projector
            yield slice(start, stop), projector


def wide_margin(angles: NDArray[np.float64], nx: int, nz: int) -> int:
    """Pixels beyond each x edge that rays through the detector reach within the thickness.

    At most one and a half widths: beyond some 75 degrees rays run along the slab.
    """
    theta = np.deg2rad(np.abs(angles))
    cos = np.maximum(np.cos(theta), 1e-6)
    reach = (nx / 2) / cos + nz / 2 * np.sin(theta) / cos
    return ceil(min(float(reach.max()) - nx / 2, 1.5 * nx))

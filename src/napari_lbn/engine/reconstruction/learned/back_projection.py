"""Back-projection of filtered tilts as training needs it: differentiable, some rows of y."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...angular_weights import measured_weights
from ...projection import ProjectionGeometry, Projector
from ..filters import filter_tilts
from ..plan import detector_margin

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

FULL_PATH = 0.97
"""A ray counts as seen whole where this share of its way through the slab is in the box."""


class RowBackProjector:
    """``BP`` of equation 6, with angular weights, for tilts that are filtered already.

    Parameters
    ----------
    angles : ndarray
        ``(n,)`` degrees.
    nx, thickness : int
        Of the box, pixels.
    device : str
        Torch device.
    """

    def __init__(
        self, angles: NDArray[np.float64], nx: int, thickness: int, device: str = "cpu"
    ) -> None:
        self._margin = detector_margin(nx, thickness)
        self._weights = torch.from_numpy(measured_weights(angles)).float().to(device)
        geometry = ProjectionGeometry(
            angles=tuple(angles), nx=nx, nz=thickness, n_detector=nx + 2 * self._margin
        )
        self._operator = Projector(geometry, device=device).T

    def __call__(self, filtered: Tensor) -> Tensor:
        """``(n, rows, x)`` to ``(z, rows, x)``."""
        weighted = filtered * self._weights[:, None, None]
        wide = filter_tilts(weighted, "none", margin=self._margin)
        return self._operator(wide.transpose(1, 2).contiguous()).transpose(1, 2)


class Reprojector:
    """A at some angles, and which of its rays pass through the box from face to face."""

    def __init__(
        self, angles: NDArray[np.float64], nx: int, thickness: int, device: str = "cpu"
    ) -> None:
        geometry = ProjectionGeometry(
            angles=tuple(angles), nx=nx, nz=thickness, footprint="distance"
        )
        self._operator = Projector(geometry, device=device)
        lengths = self._operator(torch.ones(thickness, nx, 1, device=device))[..., 0]
        whole = thickness / np.maximum(np.cos(np.deg2rad(angles)), 1e-6)
        limit = torch.from_numpy(FULL_PATH * whole).to(lengths)
        self.seen = (lengths >= limit[:, None]).to(lengths)

    def __call__(self, volume: Tensor) -> Tensor:
        """``(z, rows, x)`` to ``(n, rows, x)``."""
        return self._operator(volume.transpose(1, 2).contiguous()).transpose(1, 2)

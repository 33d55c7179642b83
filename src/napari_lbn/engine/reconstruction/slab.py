"""Weighted back-projection of one slab of y, in blocks of z."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..projection import ProjectionGeometry, Projector
from .filters import filter_tilts
from .tilt_response import TiltResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .plan import SlabPlan
    from .settings import WBPSettings

FILTER_PIXELS = 1 << 20
"""Pixels of tilts filtered at a time."""


class SlabReconstructor:
    """Back-projects slabs of one tilt series; the matrix is kept where all of it fits.

    Parameters
    ----------
    angles, weights : ndarray
        ``(n_tilts,)`` degrees and radians.
    nx : int
        Width of the tilts in pixels.
    settings : WBPSettings
        Thickness, filter and device.
    plan : SlabPlan
        Rows of z whose matrix is held at a time, and the margin of the tilts.
    """

    def __init__(
        self,
        angles: NDArray[np.float64],
        weights: NDArray[np.float64],
        nx: int,
        settings: WBPSettings,
        plan: SlabPlan,
    ) -> None:
        self._response = TiltResponse(angles, weights, nx, settings)
        self._settings = settings
        self._margin = plan.margin
        self._columns = plan.columns
        self._geometry = ProjectionGeometry(
            angles=tuple(angles),
            nx=nx,
            nz=settings.thickness,
            n_detector=nx + 2 * plan.margin,
        )
        starts = range(0, settings.thickness, plan.z_rows)
        self.blocks = [(z, min(z + plan.z_rows, settings.thickness)) for z in starts]
        self._kept: Projector | None = None

    def fill(self, tilts: NDArray[np.float32] | Tensor, slab: NDArray[np.float32]) -> Iterator[int]:
        """Back-project into `slab`, yielding the number of blocks done after each.

        Parameters
        ----------
        tilts : array
            ``(n_tilts, y, x)`` unfiltered.
        slab : ndarray
            ``(z, y, x)`` float32, overwritten.
        """
        filtered = self._filter(tilts)
        output = torch.from_numpy(slab)
        for done, (start, stop) in enumerate(self.blocks, 1):
            back_project = self._projector(start, stop).T
            for i, columns in enumerate(filtered):
                rows = slice(i * self._columns, (i + 1) * self._columns)
                output[start:stop, rows].copy_(back_project(columns).transpose(1, 2))
            yield done

    def _filter(self, tilts: NDArray[np.float32] | Tensor) -> list[Tensor]:
        """Weighted, filtered tilts, ``(n_tilts, x + 2 margin, rows)`` for each piece of rows."""
        device, shape = self._settings.device, self._geometry.tilts_shape
        starts = range(0, tilts.shape[1], self._columns)
        sizes = [min(self._columns, tilts.shape[1] - start) for start in starts]
        pieces = [torch.empty((*shape, size), device=device) for size in sizes]
        step = max(1, FILTER_PIXELS // (tilts.shape[1] * tilts.shape[2]))
        for first in range(0, shape[0], step):
            some = slice(first, first + step)
            part = _as_float32(tilts[some]).to(device)
            part = filter_tilts(part, self._response.of(some), margin=self._margin)
            for piece, start, size in zip(pieces, starts, sizes, strict=True):
                piece[some] = part[:, start : start + size].transpose(1, 2)
        return pieces

    def _projector(self, start: int, stop: int) -> Projector:
        if self._kept is not None:
            return self._kept
        projector = Projector(self._geometry.z_block(start, stop), device=self._settings.device)
        if len(self.blocks) == 1:
            self._kept = projector
        return projector


def _as_float32(tilts: NDArray[np.float32] | Tensor) -> Tensor:
    """Tilts as a tensor; copied, because a memory-mapped array is read-only."""
    if isinstance(tilts, Tensor):
        return tilts.detach().to(torch.float32)
    return torch.from_numpy(np.array(tilts, np.float32))

"""Weighted back-projection of one slab of y, in blocks of z."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..projection import ProjectionGeometry, Projector
from .filters import filter_tilts
from .plan import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .plan import SlabPlan
    from .settings import WBPSettings


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
        self._weights = weights
        self._settings = settings
        self._margin = plan.margin
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
                rows = slice(i * COLUMNS, (i + 1) * COLUMNS)
                output[start:stop, rows].copy_(back_project(columns).transpose(1, 2))
            yield done

    def _filter(self, tilts: NDArray[np.float32] | Tensor) -> list[Tensor]:
        """Weighted, filtered tilts, ``(n_tilts, x + 2 margin, rows)`` for each piece of rows."""
        device, shape = self._settings.device, self._geometry.tilts_shape
        starts = range(0, tilts.shape[1], COLUMNS)
        sizes = [min(COLUMNS, tilts.shape[1] - start) for start in starts]
        pieces = [torch.empty((*shape, size), device=device) for size in sizes]
        for i, weight in enumerate(self._weights):
            tilt = _as_float32(tilts[i]).to(device)
            filtered = filter_tilts(tilt, self._settings.filter, margin=self._margin)
            for piece, start, size in zip(pieces, starts, sizes, strict=True):
                torch.mul(filtered[start : start + size].T, float(weight), out=piece[i])
        return pieces

    def _projector(self, start: int, stop: int) -> Projector:
        if self._kept is not None:
            return self._kept
        projector = Projector(self._geometry.z_block(start, stop), device=self._settings.device)
        if len(self.blocks) == 1:
            self._kept = projector
        return projector


def _as_float32(tilt: NDArray[np.float32] | Tensor) -> Tensor:
    """One tilt as a tensor; copied, because a memory-mapped array is read-only."""
    if isinstance(tilt, Tensor):
        return tilt.detach().to(torch.float32)
    return torch.from_numpy(np.array(tilt, np.float32))

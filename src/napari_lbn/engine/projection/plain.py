"""Projection by gathering and adding: any device, any dtype, and it defines the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .footprint import detector_taps

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .geometry import ProjectionGeometry

PART_ELEMENTS = 1 << 22
"""Elements gathered at a time, to bound the temporaries."""


class PlainBackend:
    """Gather for back-projection and index-add for projection, some taps at a time."""

    def __init__(
        self, geometry: ProjectionGeometry, device: torch.device, dtype: torch.dtype
    ) -> None:
        columns, shares = detector_taps(geometry, device=device, dtype=dtype)
        # (tap, voxel): each tap is one gather over all voxels.
        self._columns = columns.flatten(0, 1).flatten(1).T.contiguous()
        self._shares = shares.flatten(0, 1).flatten(1).T.contiguous()
        self._n_rows = geometry.n_tilts * geometry.detector_size

    def back_project(self, tilts: Tensor) -> Tensor:
        """See `Backend`."""
        n_voxels = self._columns.shape[1]
        volume = tilts.new_zeros(n_voxels, tilts.shape[1])
        for part in self._parts(tilts.shape[1]):
            columns, shares = self._columns[part], self._shares[part, :, None]
            gathered = tilts.index_select(0, columns.flatten()).unflatten(0, columns.shape)
            volume += gathered.mul_(shares).sum(0)
        return volume

    def project(self, volume: Tensor) -> Tensor:
        """See `Backend`."""
        tilts = volume.new_zeros(self._n_rows, volume.shape[1])
        for part in self._parts(volume.shape[1]):
            columns, shares = self._columns[part], self._shares[part, :, None]
            tilts.index_add_(0, columns.flatten(), (volume * shares).flatten(0, 1))
        return tilts

    def _parts(self, n_columns: int) -> list[slice]:
        """Slices of the taps whose products stay within `PART_ELEMENTS`."""
        n_taps, n_voxels = self._columns.shape
        step = max(1, PART_ELEMENTS // max(1, n_voxels * n_columns))
        return [slice(start, start + step) for start in range(0, n_taps, step)]

"""The two detector pixels under each volume pixel at each tilt: the matrix's entries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from .geometry import ProjectionGeometry

CHUNK = 1 << 16
"""Taps computed at a time, so that temporaries stay in the processor's cache."""


def detector_taps(
    geometry: ProjectionGeometry, *, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The two detector pixels under each volume pixel at each tilt, and their shares.

    The shadow of a volume pixel is never wider than one detector pixel, so it falls on
    at most two of them. A pixel beyond the detector has share 0 and a clamped index.
    Computed on the CPU in float64, in as many threads as torch uses: few large pieces,
    where torch's own threads would meet after every operation.

    Parameters
    ----------
    geometry : ProjectionGeometry
        ``nz`` volume rows of ``nx`` pixels, ``n`` tilts, ``n_detector`` detector pixels.
    device, dtype
        Of the result.

    Returns
    -------
    columns : Tensor
        ``(nz, nx, n, 2)`` int32 index into the flattened ``(n, n_detector)`` tilts.
    shares : Tensor
        ``(nz, nx, n, 2)`` share of the volume pixel's mass; the two sum to 1 inside.
    """
    shape = (*geometry.volume_shape, geometry.n_tilts, 2)
    columns = np.empty(shape, np.int32)
    shares = np.empty(shape, np.float64 if dtype == torch.float64 else np.float32)
    step = max(1, CHUNK // (geometry.nx * geometry.n_tilts))
    chunks = [slice(start, start + step) for start in range(0, geometry.nz, step)]

    def fill(rows: slice) -> None:
        _fill_taps(geometry, rows.start, columns[rows], shares[rows])

    if len(chunks) == 1:
        fill(chunks[0])
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(fill, chunks))
    return torch.from_numpy(columns).to(device), torch.from_numpy(shares).to(device, dtype)


def _fill_taps(
    geometry: ProjectionGeometry,
    first_row: int,
    columns: NDArray[np.int32],
    shares: NDArray[np.floating],
) -> None:
    """Compute the taps of volume rows from `first_row` on into `columns` and `shares`."""
    size = geometry.detector_size
    left, share = _split(geometry, first_row, len(columns))
    offset = np.arange(geometry.n_tilts, dtype=np.int32) * np.int32(size)
    shares[..., 0] = 1 - share
    shares[..., 1] = share
    if left.min() < 0 or left.max() + 1 >= size:
        shares[..., 0] *= (left >= 0) & (left < size)
        shares[..., 1] *= (left >= -1) & (left < size - 1)
        columns[..., 0] = left.clip(0, size - 1) + offset
        columns[..., 1] = (left + 1).clip(0, size - 1) + offset
    else:
        left += offset
        columns[..., 0] = left
        columns[..., 1] = left + 1


def _split(
    geometry: ProjectionGeometry, first_row: int, n_rows: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Left detector pixel under each shadow, and the share of the right one.

    Both ``(n_rows, nx, n_tilts)``.
    """
    angles = np.deg2rad(geometry.angles)
    cos, sin = np.cos(angles), np.sin(angles)
    centre_z, centre_x = geometry.centre_zx
    x = np.arange(geometry.nx) - centre_x
    z = np.arange(first_row, first_row + n_rows) - centre_z
    q = (x[:, None] * cos + geometry.centre_q) + (z[:, None] * sin)[:, None]
    if geometry.footprint == "linear":
        left = np.floor(q)
        q -= left
        return left.astype(np.int32), q
    # Detector pixel j covers j - 1/2 to j + 1/2; the shadow covers q - width / 2 to
    # q + width / 2 and spreads evenly over what it covers.
    width = np.maximum(np.abs(cos), np.abs(sin))
    q += 0.5 - width / 2
    left = np.floor(q)
    q -= left
    q += width - 1
    q /= width
    return left.astype(np.int32), np.maximum(q, 0, out=q)

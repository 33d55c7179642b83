"""The two detector pixels under each volume pixel, and the matrix that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from .geometry import ProjectionGeometry

CHUNK_ENTRIES = 1 << 18
"""Entries computed at a time, so that temporaries stay in the processor's cache."""


def detector_taps(
    geometry: ProjectionGeometry, *, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The two detector pixels under each volume pixel at each tilt, and their shares.

    The shadow of a volume pixel is never wider than one detector pixel, so it falls on
    at most two of them. A pixel beyond the detector has share 0 and a clamped index.

    Parameters
    ----------
    geometry : ProjectionGeometry
        ``nz`` volume rows of ``nx`` pixels, ``n`` tilts, ``n_detector`` detector pixels.
    device, dtype
        Of the result. Coordinates are computed in float64 wherever the device has it.

    Returns
    -------
    columns : Tensor
        ``(nz, nx, n, 2)`` int32 index into the flattened ``(n, n_detector)`` tilts.
    shares : Tensor
        ``(nz, nx, n, 2)`` share of the volume pixel's mass; the two sum to 1 inside.
    """
    # Apple's GPUs have no float64.
    where = torch.device("cpu") if device.type == "mps" else device
    shape = (*geometry.volume_shape, geometry.n_tilts, 2)
    columns = torch.empty(shape, dtype=torch.int32, device=where)
    shares = torch.empty(shape, dtype=dtype, device=where)
    rows = max(1, CHUNK_ENTRIES // (geometry.nx * geometry.n_tilts))
    for start in range(0, geometry.nz, rows):
        block = slice(start, min(start + rows, geometry.nz))
        _fill_taps(geometry, block, columns[block], shares[block])
    return columns.to(device), shares.to(device)


def _fill_taps(geometry: ProjectionGeometry, rows: slice, columns: Tensor, shares: Tensor) -> None:
    """Compute the taps of these volume rows into `columns` and `shares`."""
    device = columns.device
    angles = torch.deg2rad(torch.tensor(geometry.angles, dtype=torch.float64, device=device))
    cos, sin = torch.cos(angles), torch.sin(angles)
    centre_z, centre_x = geometry.centre_zx
    x = torch.arange(geometry.nx, dtype=torch.float64, device=device) - centre_x
    z = torch.arange(rows.start, rows.stop, dtype=torch.float64, device=device) - centre_z
    along_x = x[:, None] * cos + geometry.centre_q
    q = along_x + (z[:, None] * sin)[:, None]
    left, share = _split(geometry, q, cos, sin)

    size = geometry.detector_size
    offset = torch.arange(geometry.n_tilts, device=device) * size
    for tap, (pixel, part) in enumerate(((left, 1 - share), (left + 1, share))):
        inside = (pixel >= 0) & (pixel < size)
        columns[..., tap] = pixel.clamp(0, size - 1) + offset
        shares[..., tap] = part * inside


def _split(
    geometry: ProjectionGeometry, q: Tensor, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor]:
    """Left detector pixel under shadows centred at `q`, and the right pixel's share."""
    if geometry.footprint == "linear":
        left = torch.floor(q)
        return left, q - left
    width = torch.maximum(cos.abs(), sin.abs())
    # Detector pixel j covers j - 1/2 to j + 1/2.
    left = torch.floor(q - width / 2 + 0.5)
    beyond = (q + width / 2 - 0.5 - left) / width
    return left, beyond.clamp_(0, 1)

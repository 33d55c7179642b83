"""GPU kernels of projection and back-projection, without a matrix (needs Triton).

A voxel (z, x) lands at ``q = x cos + z sin + shift`` of each tilt. Where it lands is computed
in 64-bit fixed point: in float32 a detector of 4096 pixels would blur it by some 1e-4 pixels,
and float64 is slow on most cards. Columns (y) are contiguous, so that neighbouring threads
load neighbouring values; both kernels gather, so that no two programs write to one place and
results are repeatable.
"""

# ruff: noqa: N803, PLR0913, PLR0917 - a kernel takes its arguments one by one, constants in capitals
# mypy: disable-error-code="no-untyped-def, untyped-decorator, import-untyped, import-not-found"

from __future__ import annotations

import triton
import triton.language as tl

FRACTION_BITS = 40
"""Of fixed-point detector coordinates: 2^-41 pixels times the width is the largest error."""
FLOAT_BITS = 24
"""What float32 holds of a fraction."""
CANDIDATES = 4
"""Voxels in a line that can shadow one detector pixel: 3, and one for rounding."""

_FRACTION = tl.constexpr(FRACTION_BITS)
_COARSE = tl.constexpr(FRACTION_BITS - FLOAT_BITS)
_MASK = tl.constexpr((1 << FLOAT_BITS) - 1)
_UNIT = tl.constexpr(2.0**-FLOAT_BITS)
_CANDIDATES = tl.constexpr(CANDIDATES)


@triton.jit
def back_project_kernel(
    tilts,
    volume,
    rays,
    widths,
    n_tilts,
    nx,
    size,
    n_columns,
    VOXELS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """One program: some voxels of a row of x, some columns, all tilts.

    `rays` holds cosine, sine and shift ``(3, n)`` in fixed point, the shift so that the floor
    of q is the left one of the two pixels under the shadow; `widths` the shadows' ``(n,)``.
    """
    x = tl.program_id(0) * VOXELS + tl.arange(0, VOXELS)
    z = tl.program_id(1)
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (x < nx)[:, None] & (column < n_columns)[None, :]
    total = tl.zeros((VOXELS, COLUMNS), tl.float32)
    for k in range(n_tilts):
        cos, sin = tl.load(rays + k), tl.load(rays + n_tilts + k)
        q = cos * x + (sin * z + tl.load(rays + 2 * n_tilts + k))
        width = tl.load(widths + k)
        pixel = q >> _FRACTION
        part = ((q >> _COARSE) & _MASK).to(tl.float32) * _UNIT
        right = tl.maximum((part + width - 1) / width, 0.0)
        row = (pixel + k * size) * n_columns
        source = tilts + row[:, None] + column[None, :]
        on_left = ((pixel >= 0) & (pixel < size))[:, None] & inside
        on_right = ((pixel >= -1) & (pixel < size - 1))[:, None] & inside
        total += (1 - right)[:, None] * tl.load(source, mask=on_left, other=0.0)
        total += right[:, None] * tl.load(source + n_columns, mask=on_right, other=0.0)
    place = (z.to(tl.int64) * nx + x) * n_columns
    tl.store(volume + place[:, None] + column[None, :], total, mask=inside)


@triton.jit
def project_kernel(
    volume,
    tilts,
    rays,
    slopes,
    widths,
    nx,
    nz,
    size,
    n_columns,
    PIXELS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """One program: some detector pixels of one tilt, some columns, all voxels that they see.

    It goes along the axis that the rays run along, z up to 45 degrees and x beyond, and looks
    at the few voxels across it that can shadow each pixel. `rays` as above, the shift to the
    shadow's centre; `slopes` holds ``(2, n)``: one over cosine or sine, whichever is larger,
    and 1 where that is the sine.
    """
    k, n_tilts = tl.program_id(1), tl.num_programs(1)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (pixel < size)[:, None] & (column < n_columns)[None, :]
    cos, sin = tl.load(rays + k), tl.load(rays + n_tilts + k)
    shift = tl.load(rays + 2 * n_tilts + k)
    steep = tl.load(slopes + n_tilts + k) > 0
    across, along = tl.where(steep, sin, cos), tl.where(steep, cos, sin)
    n_across, n_along = tl.where(steep, nz, nx), tl.where(steep, nx, nz)
    stride_across, stride_along = tl.where(steep, nx, 1), tl.where(steep, 1, nx)
    slope, width = tl.load(slopes + k), tl.load(widths + k)
    early = (1 + width) / 2 * tl.abs(slope) + 0.01  # a bit more, for rounding
    pixel_q = pixel.to(tl.int64) << _FRACTION
    total = tl.zeros((PIXELS, COLUMNS), tl.float32)
    for line in range(n_along):
        start = along * line + shift
        away = ((pixel_q - start) >> _COARSE).to(tl.float32) * _UNIT
        first = tl.floor(away * slope - early).to(tl.int32) + 1
        for i in tl.static_range(_CANDIDATES):
            voxel = first + i
            distance = ((across * voxel + start - pixel_q) >> _COARSE).to(tl.float32) * _UNIT
            right, left = distance + width / 2, distance - width / 2
            overlap = tl.minimum(right, 0.5) - tl.maximum(left, -0.5)
            share = tl.maximum(overlap, 0.0) / width
            seen = (voxel >= 0) & (voxel < n_across) & (share > 0)
            place = (voxel.to(tl.int64) * stride_across + line * stride_along) * n_columns
            values = tl.load(
                volume + place[:, None] + column[None, :], mask=seen[:, None] & inside, other=0.0
            )
            total += share[:, None] * values
    place = (k.to(tl.int64) * size + pixel) * n_columns
    tl.store(tilts + place[:, None] + column[None, :], total, mask=inside)

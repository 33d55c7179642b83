"""Compiled loops of projection and back-projection, without a matrix (needs Numba).

One voxel's shadow is ``width`` detector pixels wide (1 for the linear footprint) and
spreads over at most two of them. Loops go over voxels, then tilts, then columns: what
neighbouring voxels need of the tilts then stays in the processor's first caches, as long as
there are not too many columns (`COLUMNS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _uncompiled(**_options: Any) -> Callable[[Any], Any]:
    """Leave a function as it is."""
    return lambda function: function


try:
    from numba import njit
except ImportError:  # the same loops, slowly: nothing chooses them then
    njit = _uncompiled  # type: ignore[assignment, unused-ignore]


COLUMNS = 192
"""At most so many columns are best given at once, in arrays of their own: a compromise between
the caches and what is done once for all. Parts of wider arrays take twice as long."""


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _lines(rays: NDArray[np.float64], centre: float) -> NDArray[np.float64]:
    """Cosine, sine, left edge of the axis' shadow on the detector, 1 / width: ``(4, n)``."""
    lines = np.empty((4, rays.shape[1]))
    lines[:2] = rays[:2]
    lines[2] = centre + 0.5 - rays[2] / 2
    lines[3] = 1 / rays[2]
    return lines


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _taps(
    x: float,
    z: float,
    lines: NDArray[np.float64],
    size: int,
    first: NDArray[np.int64],
    left: NDArray[Any],
    right: NDArray[Any],
) -> None:
    """Left detector pixel and both shares for one voxel at every tilt; beyond the detector, 0.

    Without branches and divisions, so that tilts are computed several at a time.
    """
    cos, sin, begin, inverse = lines[0], lines[1], lines[2], lines[3]
    for k in range(cos.size):
        edge = x * cos[k] + z * sin[k] + begin[k]
        low = np.floor(edge)
        share = max(0.0, 1 - (1 - (edge - low)) * inverse[k])
        pixel = np.int32(low)
        # where a shadow is half beyond the detector, what is on it moves to the pixel there
        base = min(max(pixel, np.int32(0)), np.int32(size - 2))
        beyond = pixel - base
        first[k] = k * size + base
        left[k] = 1 - share if beyond == 0 else share if beyond == -1 else 0.0
        right[k] = share if beyond == 0 else 1 - share if beyond == 1 else 0.0


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def back_project_rows(
    tilts: NDArray[Any],
    volume: NDArray[Any],
    rows: tuple[int, int],
    shape: tuple[int, int],
    rays: NDArray[np.float64],
    centres: tuple[float, float, float],
) -> None:
    """Fill volume rows of z; ``tilts (n * size, columns)``, ``volume (nz * nx, columns)``.

    Parameters
    ----------
    tilts, volume : ndarray
        Input, and output that is overwritten.
    rows : tuple of int
        First and last row of z, the latter excluded.
    shape : tuple of int
        Width nx of the volume and size of the detector, at least 2.
    rays : ndarray
        ``(3, n)``: cosine, sine and shadow width of each tilt.
    centres : tuple of float
        z, x and detector coordinate of the rotation axis.
    """
    nx, size = shape
    n = rays.shape[1]
    lines = _lines(rays, centres[2])
    first = np.empty(n, np.int64)
    left = np.empty(n, tilts.dtype)
    right = np.empty(n, tilts.dtype)
    for z in range(rows[0], rows[1]):
        for x in range(nx):
            _taps(x - centres[1], z - centres[0], lines, size, first, left, right)
            voxel = volume[z * nx + x]
            voxel[:] = 0
            k = 0
            while k + 3 < n:  # four tilts for each time that the voxel is loaded
                a0, a1, a2, a3 = left[k], left[k + 1], left[k + 2], left[k + 3]
                b0, b1, b2, b3 = right[k], right[k + 1], right[k + 2], right[k + 3]
                s0 = tilts[first[k]]
                t0 = tilts[first[k] + 1]
                s1 = tilts[first[k + 1]]
                t1 = tilts[first[k + 1] + 1]
                s2 = tilts[first[k + 2]]
                t2 = tilts[first[k + 2] + 1]
                s3 = tilts[first[k + 3]]
                t3 = tilts[first[k + 3] + 1]
                for i in range(voxel.size):
                    voxel[i] += (
                        (a0 * s0[i] + b0 * t0[i])
                        + (a1 * s1[i] + b1 * t1[i])
                        + (a2 * s2[i] + b2 * t2[i])
                        + (a3 * s3[i] + b3 * t3[i])
                    )
                k += 4
            while k < n:
                a, b = left[k], right[k]
                one = tilts[first[k]]
                two = tilts[first[k] + 1]
                for i in range(voxel.size):
                    voxel[i] += a * one[i] + b * two[i]
                k += 1


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def project_tilts(
    volume: NDArray[Any],
    tilts: NDArray[Any],
    chosen: tuple[int, int],
    shape: tuple[int, int],
    rays: NDArray[np.float64],
    centres: tuple[float, float, float],
) -> None:
    """Add the volume's projection to some of the tilts, which are zero before.

    Parameters are those of `back_project_rows`; `chosen` is the first and last tilt.
    """
    nx, size = shape
    begin, end = chosen
    n = end - begin
    lines = _lines(rays[:, begin:end], centres[2])
    nz = volume.shape[0] // nx
    first = np.empty(n, np.int64)
    left = np.empty(n, tilts.dtype)
    right = np.empty(n, tilts.dtype)
    for z in range(nz):
        for x in range(nx):
            _taps(x - centres[1], z - centres[0], lines, size, first, left, right)
            voxel = volume[z * nx + x]
            for k in range(n):
                a, b = left[k], right[k]
                if a == 0 and b == 0:
                    continue
                row = first[k] + begin * size
                one = tilts[row]
                two = tilts[row + 1]
                for i in range(voxel.size):
                    one[i] += a * voxel[i]
                for i in range(voxel.size):
                    two[i] += b * voxel[i]

"""Regions of Fourier space: inside the missing wedge, outside it, cones along the axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .geometry import HALF_TURN, median_increment, missing_wedge

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Region: TypeAlias = Callable[
    [NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]
]
"""Takes frequencies along z, y, x (cycles per pixel, broadcastable); tells what belongs to it."""

GLOBAL, INSIDE, OUTSIDE = "global", "inside the wedge", "outside the wedge"
CONES = ("cone along x", "cone along y", "cone along z")
CONE_HALF_ANGLE = 30.0
"""Degrees around an axis."""


def wedge_regions(angles: ArrayLike) -> dict[str, Region]:
    """Inside and outside the missing wedge of these tilt angles.

    The projection at θ holds the Fourier plane of which the xz direction is
    (cos θ, sin θ). Each tilt counts half a step to either side; the axis along y, which
    every tilt holds, lies outside.
    """
    wedge = missing_wedge(angles)
    half_step = min(median_increment(angles), wedge.width) / 2
    start, stop = wedge.start + half_step, wedge.stop - half_step

    def inside(
        kz: NDArray[np.float64], ky: NDArray[np.float64], kx: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        direction = np.rad2deg(np.arctan2(kz, kx))
        # the ray after the last angle, going round the half circle
        beyond = np.mod(direction - start, HALF_TURN)
        found = (beyond > 0) & (beyond < stop - start) & ((kz != 0) | (kx != 0))
        return np.broadcast_to(found, np.broadcast_shapes(kz.shape, ky.shape, kx.shape))

    return {INSIDE: inside, OUTSIDE: lambda kz, ky, kx: ~inside(kz, ky, kx)}


def cone_regions(half_angle: float = CONE_HALF_ANGLE) -> dict[str, Region]:
    """Double cones of this half angle in degrees around x, y and z."""
    limit = float(np.cos(np.deg2rad(half_angle)))

    def cone(axis: int) -> Region:
        def within(*k: NDArray[np.float64]) -> NDArray[np.bool_]:
            kz, ky, kx = k
            radius = np.sqrt(kz**2 + ky**2 + kx**2)
            return (np.abs(k[axis]) >= limit * radius) & (radius > 0)

        return within

    return {name: cone(axis) for name, axis in zip(CONES, (2, 1, 0), strict=True)}


def everywhere(
    kz: NDArray[np.float64], ky: NDArray[np.float64], kx: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """The whole of Fourier space."""
    return np.ones(np.broadcast_shapes(kz.shape, ky.shape, kx.shape), bool)


def all_regions(angles: ArrayLike) -> dict[str, Region]:
    """Global, inside and outside the wedge, and the three cones."""
    return {GLOBAL: everywhere, **wedge_regions(angles), **cone_regions()}

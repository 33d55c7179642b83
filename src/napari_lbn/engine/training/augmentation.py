"""Augmentations that keep the geometry exact (paper, section 3.1).

Tilts are ``(n, y, x)`` about the rotation centre, angles in degrees; each function is the
projection of a rotated or mirrored specimen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from numpy.typing import NDArray

from ..geometry import wrap_angle

if TYPE_CHECKING:
    import numpy as np

Tilts = TypeVar("Tilts", bound=NDArray)


def rotate_specimen(
    tilts: Tilts, angles: NDArray[np.float64], offset: float
) -> tuple[Tilts, NDArray[np.float64]]:
    """Rotate the specimen about the tilt axis by `offset` degrees.

    Every angle moves by `offset`; what leaves (-90, 90] comes back on the other side,
    mirrored in x.
    """
    wrapped, mirrored = wrap_angle(angles + offset)
    out = tilts.copy()
    out[mirrored] = tilts[mirrored][..., ::-1]
    return out, wrapped


def mirror_x(tilts: Tilts, angles: NDArray[np.float64]) -> tuple[Tilts, NDArray[np.float64]]:
    """Mirror the specimen in x: images mirrored, angles negated."""
    return tilts[..., ::-1].copy(), -angles


def mirror_y(tilts: Tilts, angles: NDArray[np.float64]) -> tuple[Tilts, NDArray[np.float64]]:
    """Mirror the specimen in y: images mirrored along the tilt axis, angles kept."""
    return tilts[..., ::-1, :].copy(), angles


def mirror_z(tilts: Tilts, angles: NDArray[np.float64]) -> tuple[Tilts, NDArray[np.float64]]:
    """Mirror the specimen in z: angles negated, images kept."""
    return tilts, -angles

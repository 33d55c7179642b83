"""Augmentations that keep the geometry exact (paper, section 3.1).

NDArray[Any] are ``(n, y, x)`` about the rotation centre, angles in degrees; each function is the
projection of a rotated or mirrored specimen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...geometry import wrap_angle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rotate_specimen(
    tilts: NDArray[Any], angles: NDArray[np.float64], offset: float
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Rotate the specimen about the tilt axis by `offset` degrees.

    Every angle moves by `offset`; what leaves (-90, 90] comes back on the other side,
    mirrored in x.
    """
    wrapped, mirrored = wrap_angle(angles + offset)
    out = tilts.copy()
    out[mirrored] = tilts[mirrored][..., ::-1]
    return out, wrapped


def mirror_x(
    tilts: NDArray[Any], angles: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Mirror the specimen in x: images mirrored, angles negated."""
    return tilts[..., ::-1].copy(), -angles


def mirror_y(
    tilts: NDArray[Any], angles: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Mirror the specimen in y: images mirrored along the tilt axis, angles kept."""
    return tilts[..., ::-1, :].copy(), angles


def mirror_z(
    tilts: NDArray[Any], angles: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Mirror the specimen in z: angles negated, images kept."""
    return tilts, -angles

"""The spread in regions of a tomogram, relative to the strength of what is added there.

A voxel's error has a random size that no spread can rank. In regions the share that the spread
has in what is added tells how well it agrees with the truth (`regional_calibration`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

REGION = 8
"""Voxels a side."""
HIGHEST = 10.0
"""Where next to nothing is added, the ratio would be without bounds."""


def relative_spread(
    mean: NDArray[Any], spread: NDArray[Any], *, side: int = REGION
) -> NDArray[np.float32]:
    """Root mean square of the spread over that of the mean, the same for a whole region.

    Parameters
    ----------
    mean, spread : ndarray
        ``(z, y, x)`` what synthesized tilts add to a tomogram, over subsets.
    side : int
        Voxels along each side of a region; those at the end may be smaller.

    Returns
    -------
    ndarray
        ``(z, y, x)`` float32, 0 to `HIGHEST`.
    """
    own, strength = _sums(spread, side), _sums(mean, side)
    enough = np.maximum(strength, own / HIGHEST**2)
    ratio = np.sqrt(own / np.where(enough > 0, enough, 1.0)).astype(np.float32)
    for axis, size in enumerate(mean.shape):
        ratio = np.repeat(ratio, side, axis=axis).take(range(size), axis=axis)
    return ratio


def _sums(volume: NDArray[Any], side: int) -> NDArray[np.float64]:
    """Sum of squares in each region."""
    found = np.square(np.asarray(volume, dtype=np.float64))
    for axis, size in enumerate(volume.shape):
        found = np.add.reduceat(found, range(0, size, side), axis=axis)
    return found

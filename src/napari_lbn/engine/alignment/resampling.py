"""What the interpolation of a raw image needs besides: a low pass, and where the image ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_PIXEL = 0.5
LOBES = 4
"""Of the windowed sinc that removes what the binned pixels cannot hold."""


def radius(binning: float) -> int:
    """Pixels to either side that `low_pass` looks at."""
    return int(np.ceil(LOBES * binning)) if binning > 1 else 0


def low_pass(image: NDArray[np.float32], binning: float) -> NDArray[np.float32]:
    """Remove what lies beyond the Nyquist frequency of pixels that are `binning` times wider."""
    from scipy import ndimage

    if binning <= 1:
        return image
    x = np.arange(-radius(binning), radius(binning) + 1) / binning
    kernel = np.sinc(x) * np.sinc(x / LOBES)
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = ndimage.convolve1d(image, kernel, axis=axis, mode="nearest")
    return image


def outside(
    matrix: NDArray[np.float64],
    origin: NDArray[np.float64],
    size: tuple[int, int],
    limits: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Pixels whose place lies off the raw image by more than half a pixel."""
    rows, columns = np.arange(size[0])[:, None], np.arange(size[1])[None]
    beyond = np.zeros(size, bool)
    for axis in (0, 1):
        place = origin[axis] + matrix[axis, 0] * rows + matrix[axis, 1] * columns
        beyond |= (place < -HALF_PIXEL) | (place > limits[axis])
    return beyond

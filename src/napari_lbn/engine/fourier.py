"""Binning of tilts by Fourier cropping, and back by Fourier padding.

Both keep the rotation centre at ``(n - 1) / 2``: pixel j of the binned image lies at
``(N - 1) / 2 + b (j - (M - 1) / 2)`` of the original one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def binned_shape(shape: tuple[int, int], binning: int) -> tuple[int, int]:
    """(y, x) after binning; what does not fill a binned pixel is cut off evenly."""
    return shape[0] // binning, shape[1] // binning


def fourier_crop(image: NDArray[np.float32], binning: int) -> NDArray[np.float32]:
    """Bin one tilt ``(y, x)`` by an integer, anti-aliased.

    Raises
    ------
    InputError
        A binning that is not a positive integer or leaves fewer than 2 pixels.
    """
    if binning != int(binning) or binning < 1:
        raise InputError(f"Binning must be a whole number of at least 1, not {binning}.")
    if binning == 1:
        return np.asarray(image, dtype=np.float32)
    if min(binned_shape(image.shape, binning)) < 2:
        raise InputError(f"Binning {binning} leaves nothing of {image.shape} pixels.")
    for axis in (0, 1):
        image = _crop_axis(image, binning, axis)
    return np.ascontiguousarray(image, dtype=np.float32)


def fourier_pad(
    image: NDArray[np.float32], binning: int, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Bring a binned tilt back to `shape` pixels; its band limit stays that of the binned one."""
    if binning == 1:
        return np.asarray(image, dtype=np.float32)
    for axis in (0, 1):
        image = _pad_axis(image, binning, axis, shape[axis])
    return np.ascontiguousarray(image, dtype=np.float32)


def _crop_axis(image: NDArray[Any], binning: int, axis: int) -> NDArray[Any]:
    size = image.shape[axis]
    count = size // binning
    start, first_centre = _placement(size, count, binning)
    body = np.take(image, range(start, start + count * binning), axis=axis)
    mirrored = _mirrored(body, axis)
    spectrum = fft.rfft(mirrored, axis=axis)
    spectrum = _shift(spectrum, first_centre, mirrored.shape[axis], axis)
    spectrum = _resize(spectrum, count + 1, axis)
    spectrum = _scale_last(spectrum, 0.5, axis)
    result = fft.irfft(spectrum, n=2 * count, axis=axis) / binning
    return np.take(result, range(count), axis=axis)


def _pad_axis(image: NDArray[Any], binning: int, axis: int, size: int) -> NDArray[Any]:
    count = image.shape[axis]
    start, first_centre = _placement(size, count, binning)
    full = count * binning
    spectrum = _resize(fft.rfft(_mirrored(image, axis), axis=axis), full + 1, axis)
    spectrum = _shift(spectrum, -first_centre, 2 * full, axis)
    result = fft.irfft(spectrum, n=2 * full, axis=axis) * binning
    body = np.take(result, range(full), axis=axis)
    widths = [(0, 0)] * image.ndim
    widths[axis] = (start, size - full - start)
    return np.pad(body, widths, mode="edge")


def _placement(size: int, count: int, binning: int) -> tuple[int, float]:
    """First original pixel that is used, and where binned pixel 0 lies from it on."""
    start = (size - count * binning) // 2
    return start, (size - 1) / 2 - start - binning * (count - 1) / 2


def _mirrored(image: NDArray[Any], axis: int) -> NDArray[Any]:
    """The image and its mirror image: periodic, so that opposite edges do not leak."""
    return np.concatenate([image, np.flip(image, axis)], axis=axis)


def _shift(spectrum: NDArray[Any], pixels: float, size: int, axis: int) -> NDArray[Any]:
    """Move the origin by `pixels` of an axis of `size` pixels."""
    frequency = np.arange(spectrum.shape[axis]) / size
    phase = np.exp(2j * np.pi * frequency * pixels)
    return spectrum * phase.reshape([-1 if a == axis else 1 for a in range(spectrum.ndim)])


def _resize(spectrum: NDArray[Any], length: int, axis: int) -> NDArray[Any]:
    current = spectrum.shape[axis]
    if length <= current:
        return np.take(spectrum, range(length), axis=axis)
    widths = [(0, 0)] * spectrum.ndim
    widths[axis] = (0, length - current)
    return np.pad(spectrum, widths)


def _scale_last(spectrum: NDArray[Any], factor: float, axis: int) -> NDArray[Any]:
    """Scale the Nyquist term, which an even size shares between both signs."""
    scale = np.ones(spectrum.shape[axis])
    scale[-1] = factor
    return spectrum * scale.reshape([-1 if a == axis else 1 for a in range(spectrum.ndim)])

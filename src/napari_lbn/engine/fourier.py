"""Binning of tilts by Fourier cropping, and back by Fourier padding.

Both keep the rotation centre at ``(n - 1) / 2``: pixel j of the binned image lies at
``(N - 1) / 2 + b (j - (M - 1) / 2)`` of the original one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 8
"""Binned pixels of mirrored margin, so that opposite edges do not leak into each other."""


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


def _crop_axis(image: NDArray, binning: int, axis: int) -> NDArray:
    size = image.shape[axis]
    count = size // binning
    start = (size - count * binning) // 2
    margin = min(MARGIN, count - 1)
    first_centre = (size - 1) / 2 - start - binning * (count - 1) / 2
    body = np.take(image, range(start, start + count * binning), axis=axis)
    widths = [(0, 0)] * image.ndim
    widths[axis] = (margin * binning, margin * binning)
    padded = np.pad(body, widths, mode="reflect")
    full, small = padded.shape[axis], count + 2 * margin
    spectrum = _shift(fft.rfft(padded, axis=axis), first_centre, full, axis)
    spectrum = _resize(spectrum, small // 2 + 1, axis)
    if small % 2 == 0:
        spectrum = _scale_last(spectrum, 0.5, axis)
    result = fft.irfft(spectrum, n=small, axis=axis) * (small / full)
    return np.take(result, range(margin, margin + count), axis=axis)


def _pad_axis(image: NDArray, binning: int, axis: int, size: int) -> NDArray:
    count = image.shape[axis]
    start = (size - count * binning) // 2
    margin = min(MARGIN, count - 1)
    first_centre = (size - 1) / 2 - start - binning * (count - 1) / 2
    widths = [(0, 0)] * image.ndim
    widths[axis] = (margin, margin)
    padded = np.pad(image, widths, mode="reflect")
    small, full = padded.shape[axis], (count + 2 * margin) * binning
    spectrum = _resize(fft.rfft(padded, axis=axis), full // 2 + 1, axis)
    spectrum = _shift(spectrum, -first_centre, full, axis)
    result = fft.irfft(spectrum, n=full, axis=axis) * (full / small)
    body = np.take(result, range(margin * binning, (margin + count) * binning), axis=axis)
    widths[axis] = (start, size - count * binning - start)
    return np.pad(body, widths, mode="edge")


def _shift(spectrum: NDArray, pixels: float, size: int, axis: int) -> NDArray:
    """Move the origin by `pixels` of an axis of `size` pixels."""
    frequency = np.arange(spectrum.shape[axis]) / size
    phase = np.exp(2j * np.pi * frequency * pixels)
    return spectrum * phase.reshape([-1 if a == axis else 1 for a in range(spectrum.ndim)])


def _resize(spectrum: NDArray, length: int, axis: int) -> NDArray:
    current = spectrum.shape[axis]
    if length <= current:
        return np.take(spectrum, range(length), axis=axis)
    widths = [(0, 0)] * spectrum.ndim
    widths[axis] = (0, length - current)
    return np.pad(spectrum, widths)


def _scale_last(spectrum: NDArray, factor: float, axis: int) -> NDArray:
    """Scale the Nyquist term, which an even size shares between both signs."""
    scale = np.ones(spectrum.shape[axis])
    scale[-1] = factor
    return spectrum * scale.reshape([-1 if a == axis else 1 for a in range(spectrum.ndim)])

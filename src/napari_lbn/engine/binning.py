"""Working pixel size: tilts finer than the weights know are Fourier-cropped."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError, WeightsError
from .events import CancelToken, raise_if_cancelled
from .fourier import binned_shape, fourier_crop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .tilt_series import TiltSeries

TOLERANCE = 1.02
"""Pixel sizes are calibrated to a per cent or so; the range of the weights is not sharper."""


def automatic_binning(pixel_size: float | None, known: tuple[float, float], name: str) -> int:
    """The smallest binning that brings a series to a pixel size the weights know.

    Parameters
    ----------
    pixel_size : float or None
        Å.
    known : tuple of float
        Å; smallest and largest pixel size of the weights.
    name : str
        Of the series, for messages.

    Raises
    ------
    InputError
        The pixel size is unknown.
    WeightsError
        The series is coarser than anything the weights know.
    """
    if pixel_size is None:
        raise InputError(
            f"{name}: the pixel size is unknown.",
            "Give it in Å (--pixel-size, or in the dock).",
        )
    low, high = known
    binning = max(math.ceil(low / (pixel_size * TOLERANCE)), 1)
    if pixel_size * binning > high * TOLERANCE:
        raise WeightsError(
            f"{name}: a pixel of {pixel_size * binning:g} Å is coarser than these weights know "
            f"({low:g} to {high:g} Å).",
            "Use a series binned less, or other weights.",
        )
    return binning


def bin_series(
    series: TiltSeries, binning: int, *, cancel: CancelToken | None = None
) -> TiltSeries:
    """The same series at `binning` times the pixel size, anti-aliased, in memory.

    Excluded tilts stay in it, marked as before; without binning the series itself returns.
    """
    if binning == 1:
        return series
    shape = binned_shape(series.image_shape, binning)
    images: NDArray[np.float32] = np.empty((series.n_tilts, *shape), dtype=np.float32)
    for i in range(series.n_tilts):
        raise_if_cancelled(cancel)
        images[i] = fourier_crop(np.nan_to_num(series.read([i])[0]), binning)
    size = None if series.pixel_size is None else series.pixel_size * binning
    return replace(
        series,
        images=images,
        sections=np.arange(series.n_tilts),
        file_sections=series.section_numbers - 1,
        pixel_size=size,
        history={**series.history, "binning": binning},
    )

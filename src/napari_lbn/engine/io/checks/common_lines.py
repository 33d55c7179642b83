"""Sums of images along lines: the profiles whose agreement gives the tilt axis away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage, sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMOOTHED, REMOVED = 1.0, 3.0
"""Band-pass of the profiles: widths of its two Gaussians in pixels."""
CLIPPED, CLIPPED_LINE = 4.0, 2.0
"""Standard deviations beyond which a pixel, and a line of a profile, counts no more."""
EDGE = 0.15
"""Part of the round window's radius over which it falls to nothing."""
COVERED = 0.25
"""A profile's ends, where lines cross less of the window than this, are left out."""


def line_profiles(
    images: NDArray[np.float64], trials: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Line sums of each image within a round window, as profiles along each trial axis.

    Parameters
    ----------
    images : ndarray
        ``(image, y, x)``; the window is the largest circle around the centre.
    trials : ndarray
        Directions of the axis in degrees from y, counter-clockwise with y upwards.

    Returns
    -------
    profiles : ndarray
        ``(trial, place along the axis, image)``.
    coverage : ndarray
        ``(trial, place along the axis)`` weight of the window on each line, 0 to 1.
    """
    rows, columns = images.shape[1:]
    length = min(rows, columns)
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    y -= (rows - 1) / 2
    x -= (columns - 1) / 2
    window = np.clip((length / 2 - np.hypot(x, y)) / (EDGE * length / 2), 0, 1)
    inside = window > 0
    pixels = _standardised(images[:, inside], window[inside])
    sums, covered = [], []
    for trial in np.deg2rad(trials):
        # y upwards: an axis at this angle from y runs along (-sin, cos)
        place = y[inside] * np.cos(trial) - x[inside] * np.sin(trial) + (length - 1) / 2
        lines = _line_matrix(place, window[inside], length)
        weight = np.asarray(lines.sum(axis=1)).ravel()
        sums.append(lines @ pixels.T / np.maximum(weight, 1e-3)[:, None])
        covered.append(weight / weight.max())
    return np.stack(sums), np.stack(covered)


def _standardised(pixels: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each image (row) with mean 0 and deviation 1 in the window, outliers clipped."""
    finite = np.where(np.isfinite(pixels), pixels, 0.0)
    centred = finite - np.average(finite, axis=1, weights=weights)[:, None]
    deviation = np.sqrt(np.average(centred**2, axis=1, weights=weights))[:, None]
    clipped: NDArray[np.float64] = np.clip(
        centred / np.maximum(deviation, 1e-12), -CLIPPED, CLIPPED
    )
    return clipped


def _line_matrix(place: NDArray[np.float64], weights: NDArray[np.float64], length: int) -> Any:
    """Sparse ``(length, pixel)`` matrix that sums pixels into the two places nearest to them."""
    lower = np.clip(np.floor(place).astype(np.intp), 0, length - 2)
    share = np.clip(place - lower, 0, 1)
    columns = np.arange(place.size)
    values = np.concatenate([(1 - share) * weights, share * weights])
    entries = (np.concatenate([lower, lower + 1]), np.concatenate([columns, columns]))
    return sparse.csr_matrix((values, entries), shape=(length, place.size))


def normalised(profiles: NDArray[np.float64], coverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Band-passed profiles of mean 0 and norm 1 where the window is well covered.

    Strong lines are clipped, so that one straight edge in the specimen does not outweigh all
    the rest.
    """
    fine = ndimage.gaussian_filter1d(profiles, SMOOTHED, axis=1)
    fine -= ndimage.gaussian_filter1d(profiles, REMOVED, axis=1)
    used = (coverage > COVERED)[:, :, None]
    mean = (fine * used).sum(axis=1, keepdims=True) / used.sum(axis=1, keepdims=True)
    fine = (fine - mean) * used
    deviation = np.sqrt((fine**2).sum(axis=1, keepdims=True) / used.sum(axis=1, keepdims=True))
    fine = np.clip(fine / np.maximum(deviation, 1e-12), -CLIPPED_LINE, CLIPPED_LINE)
    unit: NDArray[np.float64] = fine / np.maximum(
        np.linalg.norm(fine, axis=1, keepdims=True), 1e-12
    )
    return unit

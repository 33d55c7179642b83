"""Figures of merit of one predicted tilt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL = "full"
VIEW = "view"
"""Full resolution, in the columns that show the field of view; see `field_of_view`."""
BAND_EDGES = (0.0, 0.125, 0.25, 0.5, 1.0)
"""Of the Nyquist frequency; the frequency bands in which predictions are compared."""
MIN_PIXELS = 4
"""Of fewer a correlation says nothing."""
BANDS = tuple(f"band {low:g}-{high:g} Nyquist" for low, high in pairwise(BAND_EDGES))


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well one predicted tilt agrees with the measured one.

    Attributes
    ----------
    correlation : float
        Pearson's.
    mse : float
        Both tilts brought to mean 0 and standard deviation 1 first, as in the paper's tables.
    mse_scaled : float
        Of the normalised truth after the best linear scale of the prediction.
    """

    correlation: float
    mse: float
    mse_scaled: float

    @classmethod
    def of_correlation(cls, r: float) -> Agreement:
        """All three follow from the correlation: 2 (1 - r) and 1 - r**2."""
        return cls(correlation=r, mse=2 * (1 - r), mse_scaled=1 - r**2)


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Pearson correlation of two images; 0 where one is constant."""
    x = np.asarray(a, dtype=np.float64).ravel()
    y = np.asarray(b, dtype=np.float64).ravel()
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else 0.0


def averaged(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Mean over blocks of factor x factor pixels; what does not fill a block is cut off."""
    height, width = (n // factor * factor for n in image.shape)
    blocks = image[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3))


def field_of_view(tilt: NDArray[Any], angle: float) -> NDArray[Any]:
    """The columns of a tilt ``(y, x)`` that show what the untilted one shows: its middle cos θ.

    Of that a tomogram is made. The columns beside show what lies next to it, and at steep angles
    what few other tilts have seen.

    Parameters
    ----------
    tilt : ndarray
        ``(y, x)``, the tilt axis along y through its middle.
    angle : float
        Degrees.
    """
    width = tilt.shape[1]
    cut = round(width * (1 - abs(np.cos(np.deg2rad(angle)))) / 2)
    cut = max(min(cut, (width - MIN_PIXELS) // 2), 0)
    return tilt[:, cut : width - cut]


def scale_name(factor: int) -> str:
    """What a resolution is called: "full", "2x2", "4x4"."""
    return FULL if factor == 1 else f"{factor}x{factor}"


def agreements(
    predicted: NDArray[Any], truth: NDArray[Any], factors: tuple[int, ...] = (1, 2, 4)
) -> dict[str, Agreement]:
    """Agreement at full resolution, averaged over blocks, and in frequency bands.

    Parameters
    ----------
    predicted, truth : ndarray
        ``(y, x)``.
    factors : tuple of int
        Sides of the blocks in pixels; those that leave fewer than `MIN_PIXELS` are left out.

    Returns
    -------
    dict
        By `scale_name` and by the names of `BANDS`.
    """
    found = {}
    for factor in factors:
        if min(truth.shape) // factor >= MIN_PIXELS:
            r = correlation(averaged(predicted, factor), averaged(truth, factor))
            found[scale_name(factor)] = Agreement.of_correlation(r)
    bands = band_correlations(predicted, truth)
    found |= {
        name: Agreement.of_correlation(r)
        for name, r in zip(BANDS, bands, strict=True)
        if np.isfinite(r)
    }
    return found


def band_correlations(predicted: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Fourier correlation of two images in each of `BANDS`; NaN where a band is empty."""
    a, b = _spectrum(predicted), _spectrum(truth)
    bands, count = _half_plane(truth.shape)

    def summed(terms: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.bincount(bands, (count * terms).ravel(), minlength=len(BAND_EDGES))
        return np.asarray(found[1 : len(BAND_EDGES)], dtype=np.float64)

    power = summed(a.real**2 + a.imag**2) * summed(b.real**2 + b.imag**2)
    norm = np.where(power > 0, np.sqrt(power), np.nan)
    return np.asarray(summed(a.real * b.real + a.imag * b.imag) / norm, dtype=np.float64)


@lru_cache(maxsize=2)
def _half_plane(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each term of ``rfft2``: its band, from 1 on, and how many terms of ``fft2`` it is."""
    width = shape[1] // 2 + 1
    bands = np.digitize(nyquist_fraction(shape)[:, :width], BAND_EDGES, right=True).ravel()
    count = np.full(width, 2.0)
    count[0] = 1
    if shape[1] % 2 == 0:
        count[-1] = 1
    return bands, count


def nyquist_fraction(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Spatial frequency of each term of ``fft2`` as a fraction of Nyquist, ``shape``."""
    rows, columns = (
        fft.fftfreq(n)[:, None] if i == 0 else fft.fftfreq(n) for i, n in enumerate(shape)
    )
    return 2 * np.hypot(rows, columns)


def hann(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Window without a zero at its ends, so that edges do not count as structure."""
    rows, columns = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n) for n in shape)
    return rows[:, None] * columns


@lru_cache(maxsize=2)
def _window(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], float]:
    window = hann(shape)
    return window, float(window.sum())


def _spectrum(image: NDArray[Any]) -> NDArray[np.complex128]:
    """Half of it, of the image under a window and without its mean there."""
    values = np.asarray(image, dtype=np.float64)
    window, total = _window(values.shape)
    return np.asarray(fft.rfft2((values - (values * window).sum() / total) * window))

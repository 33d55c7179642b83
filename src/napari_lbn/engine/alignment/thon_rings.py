"""Thon rings of strips of an image: what power spectra show, and what a defocus predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..geometry import rotation_centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIPS = 6
WINDOWS = (512, 384, 256, 192, 128)
"""Pixels; the largest that fits three times into a strip's height is taken."""
LOWEST_FREQUENCY = 1 / 80
LARGEST_OF_A_MICROSCOPE = 1e4
DEFOCI = np.arange(0.4e4, 9e4, 250.0)
"""Å; searched for each tilt."""


@dataclass(frozen=True, kw_only=True)
class Microscope:
    """What the contrast transfer depends on besides the defocus.

    Attributes
    ----------
    voltage : float
        kV.
    spherical_aberration : float
        mm.
    amplitude_contrast : float
        0 to 1.
    """

    voltage: float = 300.0
    spherical_aberration: float = 2.7
    amplitude_contrast: float = 0.1

    def __post_init__(self) -> None:
        for name, value in (
            ("voltage", self.voltage),
            ("spherical aberration", self.spherical_aberration),
        ):
            if not 0 <= value < LARGEST_OF_A_MICROSCOPE:
                raise InputError(f"{value:g} is no {name} of a microscope.", "Give kV and mm.")

    @property
    def wavelength(self) -> float:
        """Å, relativistic."""
        volts = 1e3 * self.voltage
        return float(12.2643 / np.sqrt(volts + 0.97845e-6 * volts**2))


def strip_spectra(
    image: NDArray[np.float32], pixel_size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Radial power spectra of strips parallel to the tilt axis.

    Returns
    -------
    places : ndarray
        ``(strips,)`` detector coordinate of each strip's middle, Å.
    frequency : ndarray
        ``(m,)`` 1/Å.
    spectra : ndarray
        ``(strips, m)`` logarithm of the power, smooth background removed, unit norm.
    """
    rows, columns = image.shape
    size = next((n for n in WINDOWS if 2 * n <= min(rows, columns)), WINDOWS[-1])
    window = np.outer(np.hanning(size), np.hanning(size))
    starts = np.linspace(0, columns - size, STRIPS).astype(int)
    radius, usable = _radii(size, pixel_size)
    spectra = []
    for x in starts:
        power = np.zeros((size, size // 2 + 1))
        for y in range(0, rows - size + 1, size // 2):
            tile = image[y : y + size, x : x + size]
            power += np.abs(np.fft.rfft2((tile - tile.mean()) * window)) ** 2
        sums = np.bincount(radius.ravel(), weights=power.ravel(), minlength=usable.stop)
        counts = np.bincount(radius.ravel(), minlength=usable.stop)
        mean = (sums / np.maximum(counts, 1))[usable]
        spectra.append(np.log(np.maximum(mean, mean.max() * 1e-12)))
    frequency = np.arange(usable.start, usable.stop) / (size * pixel_size)
    places = (starts + (size - 1) / 2 - rotation_centre(columns)) * pixel_size
    return places, frequency, _without_background(np.array(spectra))


def _radii(size: int, pixel_size: float) -> tuple[NDArray[np.intp], slice]:
    """Ring of each Fourier coefficient, and the rings in which Thon rings are looked for."""
    fy = np.fft.fftfreq(size)[:, None] * size
    fx = np.fft.rfftfreq(size)[None] * size
    radius = np.rint(np.hypot(fy, fx)).astype(np.intp)
    first = max(int(np.ceil(LOWEST_FREQUENCY * size * pixel_size)), 3)
    return radius, slice(first, int(0.45 * size))


def _without_background(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curves less their trend, of unit norm: what remains are rings and noise."""
    from scipy.ndimage import gaussian_filter1d

    flat = curves - gaussian_filter1d(curves, curves.shape[-1] / 12, axis=-1, mode="nearest")
    norm = np.linalg.norm(flat, axis=-1, keepdims=True)
    return np.asarray(flat / np.maximum(norm, 1e-12))


def agreement(
    frequency: NDArray[np.float64],
    spectra: NDArray[np.float64],
    offsets: NDArray[np.float64],
    settings: Microscope,
) -> float:
    """Mean correlation of the strips with Thon rings, at the tilt's best central defocus."""
    total = np.zeros(len(DEFOCI))
    for curve, offset in zip(spectra, offsets, strict=True):
        rings = _without_background(thon_rings(frequency, DEFOCI + offset, settings))
        total += rings @ curve
    return float(total.max() / len(spectra))


def thon_rings(
    frequency: NDArray[np.float64], defocus: NDArray[np.float64], settings: Microscope
) -> NDArray[np.float64]:
    """``(defoci, frequencies)`` square of the contrast transfer; underfocus in Å is positive."""
    wavelength, squared = settings.wavelength, frequency**2
    aberration = 1e7 * settings.spherical_aberration
    phase = (
        np.pi
        * wavelength
        * squared
        * (defocus[:, None] - 0.5 * aberration * wavelength**2 * squared)
    )
    return np.asarray(np.sin(phase + np.arcsin(settings.amplitude_contrast)) ** 2)

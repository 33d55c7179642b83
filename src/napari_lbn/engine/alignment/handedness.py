"""Whether the sign of the tilt angles is right, from the defocus gradient of tilted images.

A tilted specimen lies higher on one side of the image than on the other, and what lies nearer to
the electron source is less underfocused. With ``q = x cos(theta) + z sin(theta)`` and z towards
the source, a thin specimen's underfocus at detector coordinate q is

    defocus(q) = defocus(0) + q tan(theta):

at a positive angle the right side is the more underfocused one, as IMOD, Dynamo and novaCTF expect.
If the images show the opposite gradient, the angles have the wrong sign and the tomogram is a
mirror image. The test compares how well Thon rings of that gradient and of the opposite one
explain the power spectra of strips parallel to the tilt axis; it needs no known defocus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..events import raise_if_cancelled
from ..geometry import rotation_centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken
    from ..tilt_series import TiltSeries

STRIPS = 6
WINDOWS = (512, 384, 256, 192, 128)
"""Pixels; the largest that fits three times into a strip's height is taken."""
SMALLEST_TILT, LARGEST_TILT = 15.0, 62.0
"""Degrees; below, there is no gradient to see, and above, little signal."""
MOST_TILTS = 24
LEAST_TILTS = 4
LEAST_PHASE = 1.0
"""Radians by which the rings of both edges must differ at the finest frequency."""
SURE = 4.0
"""Standard errors of the mean preference that count as an answer."""
LOWEST_FREQUENCY = 1 / 80
DEFOCI = np.arange(0.4e4, 9e4, 250.0)
"""Å; searched for each tilt."""


@dataclass(frozen=True, kw_only=True)
class HandednessSettings:
    """The microscope.

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

    @property
    def wavelength(self) -> float:
        """Å, relativistic."""
        volts = 1e3 * self.voltage
        return float(12.2643 / np.sqrt(volts + 0.97845e-6 * volts**2))


@dataclass(frozen=True, kw_only=True)
class Handedness:
    """What the defocus gradient says.

    Attributes
    ----------
    verdict : "as given", "invert" or "undecided"
        Whether the angles have to change their sign.
    preference : float
        In standard errors; positive for the angles as given.
    tilts : int
        Tilts that were used.
    reason : str
        In words.
    """

    verdict: Literal["as given", "invert", "undecided"]
    preference: float
    tilts: int
    reason: str


def measure_handedness(
    series: TiltSeries,
    settings: HandednessSettings | None = None,
    *,
    cancel: CancelToken | None = None,
) -> Handedness:
    """Decide from the images whether the tilt angles must be inverted.

    Parameters
    ----------
    series : TiltSeries
        Aligned, the tilt axis along y, as finely sampled as there is.
    settings : HandednessSettings, optional
        The microscope; 300 kV by default.
    cancel : CancelToken, optional
        Ends the work with `Cancelled` at its next tilt.
    """
    settings = settings or HandednessSettings()
    angles = np.abs(series.angles)
    tilted = [i for i in series.included if SMALLEST_TILT <= angles[i] <= LARGEST_TILT]
    reason = _cannot_tell(series, tilted, settings)
    if reason:
        return Handedness(verdict="undecided", preference=0.0, tilts=0, reason=reason)
    chosen = [tilted[k] for k in _spread(len(tilted), MOST_TILTS)]
    preferences = []
    for tilt in chosen:
        raise_if_cancelled(cancel)
        preferences.append(_preference(series, int(tilt), settings))
    return _verdict(np.array(preferences), np.tan(np.deg2rad(series.angles[chosen])) ** 2)


def _cannot_tell(series: TiltSeries, tilted: list[int], settings: HandednessSettings) -> str:
    """Why the data cannot tell, before anything is computed; empty where they may."""
    if series.pixel_size is None:
        return "The pixel size is unknown, and with it where Thon rings are expected."
    if len(tilted) < LEAST_TILTS:
        return f"Only {len(tilted)} tilts lie between {SMALLEST_TILT:g}° and {LARGEST_TILT:g}°."
    rows, columns = series.image_shape
    if min(rows, columns) < 2 * WINDOWS[-1]:
        return f"Images of {rows} × {columns} pixels are too small for Thon rings."
    across = columns / 2 * series.pixel_size
    largest = np.tan(np.deg2rad(np.abs(series.angles[tilted]).max()))
    finest = 0.9 / (2 * series.pixel_size)
    phase = 2 * np.pi * settings.wavelength * across * largest * finest**2
    if phase < LEAST_PHASE:
        return (
            f"At {series.pixel_size:g} Å a pixel the defocus gradient moves Thon rings by "
            f"{phase:.2f} radians at most; {LEAST_PHASE:g} are needed. Use images binned less."
        )
    return ""


def _spread(count: int, most: int) -> list[int]:
    """At most so many of `count` indices, evenly spread."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, most))})


def _preference(series: TiltSeries, tilt: int, settings: HandednessSettings) -> float:
    """Agreement of one tilt's spectra with its angle's gradient, less with the opposite one."""
    assert series.pixel_size is not None
    image = np.nan_to_num(series.read([tilt])[0])
    places, frequency, spectra = strip_spectra(image, series.pixel_size)
    slope = np.tan(np.deg2rad(series.angles[tilt]))
    scores = [
        _agreement(frequency, spectra, sign * slope * places, settings) for sign in (1.0, -1.0)
    ]
    return float(scores[0] - scores[1])


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


def _agreement(
    frequency: NDArray[np.float64],
    spectra: NDArray[np.float64],
    offsets: NDArray[np.float64],
    settings: HandednessSettings,
) -> float:
    """Mean correlation of the strips with Thon rings, at the tilt's best central defocus."""
    total = np.zeros(len(DEFOCI))
    for curve, offset in zip(spectra, offsets, strict=True):
        rings = _without_background(thon_rings(frequency, DEFOCI + offset, settings))
        total += rings @ curve
    return float(total.max() / len(spectra))


def thon_rings(
    frequency: NDArray[np.float64], defocus: NDArray[np.float64], settings: HandednessSettings
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


def _verdict(preferences: NDArray[np.float64], leverage: NDArray[np.float64]) -> Handedness:
    """One answer from the preferences of single tilts.

    A preference grows with the square of the gradient (for rings that move by less than their
    width), its noise does not: a line through 0 is fitted, and its slope compared with its error.
    """
    count = len(preferences)
    weight = float((leverage**2).sum())
    slope = float((leverage * preferences).sum()) / weight
    scatter = float(np.sqrt(((preferences - slope * leverage) ** 2).sum() / (count - 1)))
    sure = slope * float(np.sqrt(weight)) / max(scatter, 1e-12)
    agreeing = int((np.sign(preferences) == np.sign(sure)).sum())
    words = f"{agreeing} of {count} tilts agree, {abs(sure):.1f} standard errors."
    if abs(sure) < SURE:
        reason = f"The defocus gradient does not show: {words}"
        return Handedness(verdict="undecided", preference=sure, tilts=count, reason=reason)
    if sure > 0:
        reason = f"The defocus gradient agrees with the tilt angles: {words}"
        return Handedness(verdict="as given", preference=sure, tilts=count, reason=reason)
    reason = f"The defocus gradient asks for the opposite sign of the tilt angles: {words}"
    return Handedness(verdict="invert", preference=sure, tilts=count, reason=reason)

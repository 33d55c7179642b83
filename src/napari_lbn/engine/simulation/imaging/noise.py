"""Counts and noise: cheap to redraw whenever a clean tilt series is used."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ...errors import InputError

Images = NDArray[np.float32]

LARGEST_BLUR = 0.25
"""At this share of each neighbour, noise power at the Nyquist frequency is a ninth."""

LEAST_VARIANCE = 1e-12
"""Of optical density: below it a view is flat but for rounding."""


def noise_profile(clean: Images, exposure: ArrayLike) -> NDArray[np.float64]:
    """Relative standard deviation of the counting noise of each tilt in optical density.

    Counts fall with the transmission and rise with the exposure; the noise of their
    logarithm is one over their root. The middle tilt, taken as untilted, is 1.
    """
    density = np.minimum(clean.mean(axis=(1, 2), dtype=np.float64), 6.0)
    profile = np.exp(density / 2) / np.sqrt(np.asarray(exposure, np.float64))
    return profile / profile[int(np.argmin(density))]


def signal_variance(tilt: Images) -> float:
    """Variance of a clean tilt, beads and the like clipped at 4 robust deviations."""
    median = np.median(tilt)
    sigma = 1.4826 * np.median(np.abs(tilt - median))
    if sigma == 0:
        # More than half of the view is one value: what stands out is the signal.
        return float(tilt.var(dtype=np.float64))
    return float(np.clip(tilt, median - 4 * sigma, median + 4 * sigma).var(dtype=np.float64))


def add_noise(
    clean: Images,
    snr: float,
    rng: np.random.Generator,
    *,
    profile: ArrayLike | None = None,
    untilted: int | None = None,
    blur: float | None = None,
) -> Images:
    """Clean tilts with fresh noise, independent between tilts; cheap enough for every draw.

    Parameters
    ----------
    clean : ndarray
        ``(n, y, x)`` optical density.
    snr : float
        Variance of the clean untilted view (see `signal_variance`) over the noise's.
    rng : Generator
        Source of the noise.
    profile : array_like, optional
        ``(n,)`` relative standard deviation of the noise of each tilt; 1 by default.
    untilted : int, optional
        Which tilt `snr` refers to; the middle one by default.
    blur : float, optional
        Share of a pixel's noise in each neighbour: 0 is white, more is coloured, as
        detectors and the interpolation of an alignment make it; drawn from 0 to
        `LARGEST_BLUR` by default.
    """
    if blur is None:
        blur = float(rng.uniform(0, LARGEST_BLUR))
    middle = len(clean) // 2 if untilted is None else untilted
    sigma = np.sqrt(signal_variance(clean[middle]) / snr)
    relative = np.ones(len(clean)) if profile is None else np.asarray(profile, np.float64)
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    if blur > 0:
        # Unit power, so that the noise keeps its variance.
        kernel = np.array([blur, 1, blur]) / np.sqrt(1 + 2 * blur**2)
        for axis in (1, 2):
            noise = ndimage.convolve1d(noise, kernel.astype(np.float32), axis=axis, mode="wrap")
    return clean + noise * (sigma * relative).astype(np.float32)[:, None, None]


def to_counts(optical_density: Images, exposure: ArrayLike, electrons: float) -> Images:
    """Mean electrons per pixel, dark where dense: what a camera shows before counting noise."""
    dose = electrons * np.asarray(exposure, np.float64)
    return (dose[:, None, None] * np.exp(-np.clip(optical_density, -2, 12))).astype(np.float32)


def detected(
    optical_density: Images, exposure: ArrayLike, electrons: float, rng: np.random.Generator
) -> Images:
    """Electrons counted in each pixel: Poisson noise about `to_counts`.

    Parameters
    ----------
    optical_density : ndarray
        ``(n, y, x)`` clean tilts.
    exposure : array_like
        ``(n,)`` relative exposure.
    electrons : float
        That reach a pixel without a specimen at an exposure of 1.
    rng : Generator
        Of the noise.
    """
    return rng.poisson(to_counts(optical_density, exposure, electrons)).astype(np.float32)


def electrons_for(clean: Images, snr: float, untilted: int) -> float:
    """Electrons a pixel, without a specimen, that give the untilted view this SNR.

    A count of n electrons has a relative variance of 1 / n, which is the variance of the
    noise in optical density; `signal_variance` is the signal's.

    Raises
    ------
    InputError
        An untilted view that shows nothing.
    """
    tilt = clean[untilted]
    variance = signal_variance(tilt)
    if not variance > LEAST_VARIANCE:
        raise InputError(
            "The untilted view shows nothing, so no noise gives it a signal-to-noise ratio.",
            "Take the noise of the dose, or put something into the specimen.",
        )
    return float(snr / variance * np.exp(tilt.mean(dtype=np.float64)))

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
from .thon_rings import WINDOWS, Microscope, agreement, strip_spectra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken
    from ..tilt_series import TiltSeries

SMALLEST_TILT, LARGEST_TILT = 15.0, 62.0
"""Degrees; below, there is no gradient to see, and above, little signal."""
MOST_TILTS = 24
LEAST_TILTS = 4
LEAST_PHASE = 1.0
"""Radians by which the rings of both edges must differ at the finest frequency."""
SURE = 4.0
"""Standard errors of the mean preference that count as an answer."""


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
    settings: Microscope | None = None,
    *,
    cancel: CancelToken | None = None,
) -> Handedness:
    """Decide from the images whether the tilt angles must be inverted.

    Parameters
    ----------
    series : TiltSeries
        Aligned, the tilt axis along y, as finely sampled as there is.
    settings : Microscope, optional
        The microscope; 300 kV by default.
    cancel : CancelToken, optional
        Ends the work with `Cancelled` at its next tilt.
    """
    settings = settings or Microscope()
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
    found = np.array(preferences)
    seen = np.isfinite(found)  # not those of blank images
    if seen.sum() < LEAST_TILTS:
        reason = f"Only {seen.sum()} of {seen.size} tilted images show anything."
        return Handedness(verdict="undecided", preference=0.0, tilts=0, reason=reason)
    return _verdict(found[seen], np.tan(np.deg2rad(series.angles[chosen][seen])) ** 2)


def _cannot_tell(series: TiltSeries, tilted: list[int], settings: Microscope) -> str:
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


def _preference(series: TiltSeries, tilt: int, settings: Microscope) -> float:
    """Agreement of one tilt's spectra with its angle's gradient, less with the opposite one.

    NaN for a blank image.
    """
    assert series.pixel_size is not None
    image = np.nan_to_num(series.read([tilt])[0])
    if not np.ptp(image) > 0:
        return float("nan")
    places, frequency, spectra = strip_spectra(image, series.pixel_size)
    slope = np.tan(np.deg2rad(series.angles[tilt]))
    scores = [
        agreement(frequency, spectra, sign * slope * places, settings) for sign in (1.0, -1.0)
    ]
    return float(scores[0] - scores[1])


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

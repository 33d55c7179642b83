"""The noise ceiling: how well even the true projection would correlate with a noisy tilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from ..metrics import averaged, correlation, hann, nyquist_fraction, scale_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURED = "measured from odd and even frames"
ESTIMATED = "estimated from the power at the highest frequencies, a guide and no bound"

NOISE_BAND = (0.7, 0.95)
"""Of Nyquist; there a cryo-ET tilt holds next to nothing but noise."""


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The correlation that the true projection would reach with one measured tilt.

    Attributes
    ----------
    angle : float
        Degrees.
    scale : str
        "full", "2x2", "4x4".
    correlation : float
    source : str
        `MEASURED` or `ESTIMATED`.
    """

    angle: float
    scale: str
    correlation: float
    source: str


def ceiling_from_halves(
    odd: NDArray[Any], even: NDArray[Any], angle: float, factors: tuple[int, ...] = (1, 2, 4)
) -> list[Ceiling]:
    """From the two half-exposures of one tilt, whose noise is independent.

    Their correlation r gives the reliability of their sum, 2 r / (1 + r), and the true
    projection correlates with the sum by the root of that.
    """
    found = []
    for factor in _usable(odd.shape, factors):
        r = max(correlation(averaged(odd, factor), averaged(even, factor)), 0.0)
        value = float(np.sqrt(2 * r / (1 + r)))
        found.append(
            Ceiling(angle=angle, scale=scale_name(factor), correlation=value, source=MEASURED)
        )
    return found


def estimated_ceiling(
    tilt: NDArray[Any], angle: float, factors: tuple[int, ...] = (1, 2, 4)
) -> list[Ceiling]:
    """From one tilt alone: its power at high frequencies taken as white noise."""
    noise = white_noise_variance(tilt)
    found = []
    for factor in _usable(tilt.shape, factors):
        variance = float(np.var(averaged(tilt, factor), dtype=np.float64))
        share = noise / factor**2 / variance if variance > 0 else 1.0
        value = float(np.sqrt(max(1 - share, 0.0)))
        found.append(
            Ceiling(angle=angle, scale=scale_name(factor), correlation=value, source=ESTIMATED)
        )
    return found


def white_noise_variance(tilt: NDArray[Any]) -> float:
    """Variance of white noise with the power that the tilt has at high frequencies."""
    values = np.asarray(tilt, dtype=np.float64)
    window = hann(values.shape)
    power = np.abs(fft.fft2((values - values.mean()) * window)) ** 2 / (window**2).sum()
    radius = nyquist_fraction(values.shape)
    band = (radius > NOISE_BAND[0]) & (radius < NOISE_BAND[1])
    return float(power[band].mean())


def _usable(shape: tuple[int, ...], factors: tuple[int, ...]) -> list[int]:
    return [factor for factor in factors if min(shape) // factor >= 4]

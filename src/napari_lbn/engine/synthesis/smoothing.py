"""Noisy tilts are smoothed a little before they are encoded. Not in the paper.

The network tells noise from a specimen less well than a low-pass before it does, where noise is
strong. How strong it is shows in how far re-projections at measured angles explain the measured
tilts: what they do not explain is noise, whatever its spectrum and the specimen's.
docs/method.md has what it gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..network import LBNConfig

LOOKS = 8
"""Measured tilts, evenly over the series, that are compared with their re-projections."""
CLEAN = 0.68
"""Correlation from which tilts are taken as they are."""
RATE = 2.5
"""Pixels for each unit of correlation below that."""
MOST, LEAST, STEP = 0.6, 0.2, 0.05
"""Pixels: no more than the first, nothing below the second, in such steps."""
UNEXPLAINED = 0.1
"""Correlation below which the network does not know such tilts, and says nothing of noise."""


def smoothing(explained: float) -> float:
    """Standard deviation in pixels of the Gaussian that suits tilts.

    Parameters
    ----------
    explained : float
        Mean correlation of tilts with their re-projections, of `correlation`.
    """
    if not explained >= UNEXPLAINED:
        return 0.0
    wanted = min((CLEAN - explained) * RATE, MOST)
    return round(round(wanted / STEP) * STEP, 2) if wanted >= LEAST else 0.0


def tells_noise(config: LBNConfig) -> bool:
    """Whether re-projections of such a network say how strong the noise is.

    Without a UNet of details they repeat too much of it.
    """
    return bool(config.fine_widths)


def some_tilts(count: int) -> NDArray[np.intp]:
    """Which of so many tilts are looked at."""
    return np.unique(np.linspace(0, count - 1, LOOKS).round().astype(np.intp))


def correlation(tilt: NDArray[np.float32], reprojection: NDArray[np.float32]) -> float:
    """Of two images ``(y, x)``; 0 where either has no contrast."""
    centred = [image.astype(np.float64) - image.mean() for image in (tilt, reprojection)]
    norm = np.linalg.norm(centred[0]) * np.linalg.norm(centred[1])
    return float((centred[0] * centred[1]).sum() / norm) if norm > 0 else 0.0


def in_words(sigma: float) -> str:
    """What a user is told of it."""
    return (
        f"These tilts are noisy: the network was given them smoothed by {sigma:g} pixels. "
        "The tomogram holds them as they are."
    )


def smoothed(tilt: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A tilt ``(y, x)`` smoothed by a Gaussian of so many pixels, mirrored at its edges."""
    if not sigma:
        return tilt
    return np.asarray(gaussian_filter(tilt, sigma, mode="reflect"), dtype=np.float32)

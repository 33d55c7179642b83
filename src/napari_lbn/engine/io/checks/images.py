"""Checks of the images themselves: what is not finite, blank, or unlike its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .findings import Finding, name_tilts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...tilt_series import TiltSeries

BLOCK_BYTES = 1 << 24
RUNNING = 7
"""Tilts of the running median that each tilt is compared with."""
CONTRAST_FACTOR, BRIGHTNESS_DEVIATIONS, HOT_DEVIATIONS = 1.7, 1.5, 40.0
FEWEST = 5


def check_images(series: TiltSeries, sample: int | None) -> list[Finding]:
    """Findings about the images of the tilts in use.

    Parameters
    ----------
    series : TiltSeries
        Images with NaN or infinite pixels are found by reading every pixel, all else on a
        sample.
    sample : int or None
        Pixels of each image whose statistics are taken; None for all.
    """
    tilts = series.included
    finite = np.array([_all_finite(series, tilt) for tilt in tilts], bool)
    findings = []
    if not finite.all():
        findings.append(_not_finite(series, tilts[~finite]))
    good = tilts[finite]
    means, deviations, extremes = _statistics(series, good, sample)
    blank = deviations == 0
    if blank.any():
        findings.append(_blank(series, good[blank]))
    measured = (good[~blank], means[~blank], deviations[~blank], extremes[~blank])
    return findings + _outliers(series, *measured)


def _all_finite(series: TiltSeries, tilt: int) -> bool:
    image = series.images[series.sections[tilt]]
    if image.dtype.kind not in "fc":
        return True
    rows = max(1, BLOCK_BYTES // max(image.nbytes // image.shape[0], 1))
    return all(
        bool(np.isfinite(image[start : start + rows]).all())
        for start in range(0, image.shape[0], rows)
    )


def _statistics(
    series: TiltSeries, tilts: NDArray[np.intp], sample: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, standard deviation and largest deviation from the median, of each tilt."""
    rows, columns = series.image_shape
    stride = 1 if sample is None else max(1, round((rows * columns / sample) ** 0.5))
    table = np.empty((3, len(tilts)))
    for i, tilt in enumerate(tilts):
        image = np.asarray(series.images[series.sections[tilt]][::stride, ::stride], np.float64)
        if image.min() == image.max() and stride > 1:  # blank, or blank only on this grid
            image = np.asarray(series.images[series.sections[tilt]], np.float64)
        deviation = 0.0 if image.min() == image.max() else float(image.std())
        table[:, i] = image.mean(), deviation, np.abs(image - np.median(image)).max()
    return table[0], table[1], table[2]


def _not_finite(series: TiltSeries, tilts: NDArray[np.intp]) -> Finding:
    angles = series.angles[tilts]
    return Finding(
        "error",
        f"{series.name}: {name_tilts(angles)} with pixels that are not finite numbers (NaN or "
        "infinite).",
        "Exclude these tilts, or repair the stack.",
    )


def _blank(series: TiltSeries, tilts: NDArray[np.intp]) -> Finding:
    if tilts.size == series.included.size:
        return Finding(
            "error",
            f"{series.name}: no tilt has any contrast: every pixel of each has the same value.",
            "The stack is empty; choose or export another one.",
        )
    return Finding(
        "error",
        f"{series.name}: {name_tilts(series.angles[tilts])} without any contrast: every pixel has "
        "the same value.",
        "Exclude these tilts.",
    )


def _outliers(
    series: TiltSeries,
    tilts: NDArray[np.intp],
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
    extremes: NDArray[np.float64],
) -> list[Finding]:
    """Tilts unlike their neighbours in angle, and pixels unlike the rest of their image."""
    findings = []
    hot = extremes > HOT_DEVIATIONS * deviations
    if hot.any():
        findings.append(
            Finding(
                "warning",
                f"{series.name}: {name_tilts(series.angles[tilts[hot]])} with pixels more than "
                f"{HOT_DEVIATIONS:g} standard deviations from the rest.",
                "Remove hot pixels and X-rays first (IMOD: ccderaser).",
            )
        )
    if len(tilts) < FEWEST:
        return findings
    contrast = np.log(deviations)
    contrast -= ndimage.median_filter(contrast, RUNNING, mode="nearest")
    brightness = means - ndimage.median_filter(means, RUNNING, mode="nearest")
    odd = np.abs(contrast) > np.log(CONTRAST_FACTOR)
    odd |= np.abs(brightness) > BRIGHTNESS_DEVIATIONS * np.median(deviations)
    if odd.any():
        findings.append(
            Finding(
                "warning",
                f"{series.name}: {name_tilts(series.angles[tilts[odd]])} much brighter, darker or "
                "of another contrast than the tilts beside.",
                "Look at these tilts, and exclude those that are spoiled.",
            )
        )
    return findings

"""Where the tilt axis of a series lies, measured on its images by common lines.

Whatever the specimen, tilting moves its points at right angles to the tilt axis only. So the
sums of an image over all lines at right angles to the axis, a profile along the axis, stay the
same from tilt to tilt (but for what enters at the edges), while profiles in other directions
change the more, the further apart the tilts are. The direction whose profiles agree best over
tilts 9 to 27 degrees apart is the axis: the common line of all projections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .common_lines import line_profiles, normalised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...tilt_series import TiltSeries

WORKING_SIDE = 100
"""Pixels that the shorter image side is averaged down to."""
SAMPLES_A_BLOCK = 4
"""Pixels read along each axis of an averaged block, at most."""
TRIAL_STEP = 2.0
FITTED = 6.0
"""Degrees on either side of the best direction through which a parabola is laid."""
SEPARATIONS = (9.0, 15.0, 21.0, 27.0)
"""Degrees between the tilts that are compared."""
WINDOWS = (1.0, 0.6)
"""Window sizes, as parts of the shorter image side."""
LONGEST = 4
"""Times the shorter side: of longer images the middle is looked at."""
OVERHANG = 0.2
"""Part of a window that may be left uncovered at the images' end."""
FEWEST_TILTS, SMALLEST_SIDE = 8, 24

OFF_AXIS, SIGNIFICANT, GAIN, BROAD = 3.0, 4.5, 0.04, 45.0
"""Degrees off y; standard errors; gained correlation; width of the peak: what to warn at."""


@dataclass(frozen=True, kw_only=True)
class TiltAxis:
    """The direction in which profiles agree best from tilt to tilt.

    Attributes
    ----------
    angle : float
        Degrees from y, counter-clockwise with y upwards as IMOD counts it, in [-90, 90).
    agreement : float
        Mean correlation of the profiles along that axis.
    agreement_along_y : float
        The same for profiles along y.
    significance : float
        The difference of the two, in standard errors.
    width : float
        Half width of the peak over the directions, in degrees; a broad one tells little.
    """

    angle: float
    agreement: float
    agreement_along_y: float
    significance: float
    width: float

    @property
    def off_y(self) -> bool:
        """True where the axis surely does not lie along y."""
        return (
            abs(self.angle) >= OFF_AXIS
            and self.significance >= SIGNIFICANT
            and self.agreement - self.agreement_along_y >= GAIN
            and self.width <= BROAD
        )


def measure_tilt_axis(series: TiltSeries) -> TiltAxis | None:
    """Measure the direction of the tilt axis on the tilts in use.

    Parameters
    ----------
    series : TiltSeries
        Only a sample of its pixels is read.

    Returns
    -------
    TiltAxis or None
        None where there are too few tilts, or images too small, to tell.
    """
    if len(series.included) < FEWEST_TILTS or min(series.image_shape) < SMALLEST_SIDE:
        return None
    images = _small_images(series)
    trials = np.arange(-90.0, 90.0, TRIAL_STEP)
    steps = _steps_between(series)
    pairs = [pair for part in WINDOWS for pair in _agreement(images, trials, steps, part)]
    return _peak(trials, pairs, len(images))


def _small_images(series: TiltSeries) -> NDArray[np.float64]:
    """The tilts in use, averaged down to `WORKING_SIDE` pixels on the shorter side."""
    factor = max(1, round(min(series.image_shape) / WORKING_SIDE))
    stride = max(1, factor // SAMPLES_A_BLOCK)
    block = factor // stride
    return np.stack([_averaged(series, tilt, stride, block) for tilt in series.included])


def _averaged(series: TiltSeries, tilt: int, stride: int, block: int) -> NDArray[np.float64]:
    image = series.images[series.sections[tilt]]
    longest = LONGEST * min(image.shape)
    margins = [max(0, side - longest) // 2 for side in image.shape]
    image = image[
        tuple(slice(m, side - m, stride) for m, side in zip(margins, image.shape, strict=True))
    ]
    image = np.asarray(image, np.float64)
    rows, columns = (side // block for side in image.shape)
    image = image[: rows * block, : columns * block]
    small: NDArray[np.float64] = image.reshape(rows, block, columns, block).mean(axis=(1, 3))
    return small


def _steps_between(series: TiltSeries) -> list[int]:
    """How many tilts apart the compared ones are."""
    most = len(series.included) // 2
    steps = {round(separation / series.increment) for separation in SEPARATIONS}
    return sorted({min(max(step, 1), most) for step in steps})


def _agreement(
    images: NDArray[np.float64], trials: NDArray[np.float64], steps: list[int], part: float
) -> list[NDArray[np.float64]]:
    """Correlation ``(trial, pair)`` of the profiles of tilts so many steps apart.

    It is the mean over windows that cover the images, each as wide as `part` of the shorter
    side: a straight edge that happens to run through the centre does not show in all of them.
    """
    windows = _windows(images, part)
    profiles = normalised(*line_profiles(windows.reshape(-1, *windows.shape[2:]), trials))
    profiles = profiles.reshape(*profiles.shape[:2], *windows.shape[:2])
    return [
        (profiles[..., :-step] * profiles[..., step:]).sum(axis=1).mean(axis=1) for step in steps
    ]


def _windows(images: NDArray[np.float64], part: float) -> NDArray[np.float64]:
    """Square windows ``(window, image, y, x)``, evenly spread, overlapping where they have to."""
    side = int(min(images.shape[1:]) * part)
    starts = [
        np.linspace(0, length - side, max(1, int(np.ceil(length / side - OVERHANG)))).astype(int)
        for length in images.shape[1:]
    ]
    corners = [(y, x) for y in starts[0] for x in starts[1]]
    return np.stack([images[:, y : y + side, x : x + side] for y, x in corners])


def _peak(trials: NDArray[np.float64], pairs: list[NDArray[np.float64]], tilts: int) -> TiltAxis:
    """The best direction, and how much better than y it is."""
    mean = np.mean([block.mean(axis=1) for block in pairs], axis=0)
    best, along_y = int(mean.argmax()), int(np.abs(trials).argmin())
    # pairs that share tilts are not independent: count as many as there are tilts
    gained = np.concatenate([block[best] - block[along_y] for block in pairs])
    error = gained.std() / np.sqrt(tilts) + 1e-9
    away = np.abs((trials - trials[best] + 90) % 180 - 90)
    return TiltAxis(
        angle=_refined(trials, mean, best),
        agreement=float(mean[best]),
        agreement_along_y=float(mean[along_y]),
        significance=float(gained.mean() / error),
        width=float(away[mean > (mean[best] + np.median(mean)) / 2].max()),
    )


def _refined(trials: NDArray[np.float64], mean: NDArray[np.float64], best: int) -> float:
    """The vertex of a parabola through the directions around the best one."""
    reach = round(FITTED / TRIAL_STEP)
    offsets = np.arange(-reach, reach + 1)
    curvature, slope, _ = np.polyfit(offsets, mean[(best + offsets) % len(mean)], 2)
    shift = np.clip(-slope / (2 * curvature), -reach, reach) if curvature < 0 else 0.0
    return float((trials[best] + shift * TRIAL_STEP + 90) % 180 - 90)

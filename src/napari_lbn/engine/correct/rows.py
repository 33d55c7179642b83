"""Rows of measured and synthesized tilts on the common scale of weighted back-projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..events import raise_if_cancelled
from ..intensity import IntensityStats, common_gain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..events import CancelToken
    from ..reconstruction.wbp import ReadRows
    from ..synthesis import Synthesis
    from ..tilt_series import TiltSeries


def measure_intensities(series: TiltSeries, cancel: CancelToken | None = None) -> IntensityStats:
    """Intensities of the included tilts, read one after the other; `cancel` ends it early."""

    def tilts() -> Iterator[NDArray[np.float32]]:
        for i in series.included:
            raise_if_cancelled(cancel)
            yield series.read([i])[0]

    return IntensityStats.measure(tilts(), series.included_angles)


def measured_rows(
    series: TiltSeries, stats: IntensityStats, some: NDArray[np.intp] | None = None
) -> ReadRows:
    """Rows of the included tilts, or of some of them, on the common scale of WBP, mean 0 each."""
    gain = common_gain(stats, stats.angles)
    chosen = np.arange(series.included.size) if some is None else some

    def read(rows: slice) -> NDArray[np.float32]:
        tilts = series.read(series.included[chosen], rows)
        for i, tilt in zip(chosen, tilts, strict=True):
            centred = stats.clipped(tilt, i) - np.float32(stats.mean[i])
            tilt[:] = centred * np.float32(gain[i])
        return tilts

    return read


def synthesized_rows(
    tilts: NDArray[np.float32], angles: NDArray[np.float64], stats: IntensityStats
) -> ReadRows:
    """Rows of synthesized tilts on the common scale of WBP."""
    gain = common_gain(stats, angles).astype(np.float32)[:, None, None]
    mean = stats.at(angles)[0].astype(np.float32)[:, None, None]

    def read(rows: slice) -> NDArray[np.float32]:
        return (tilts[:, rows] - mean) * gain

    return read


def reprojected_rows(synthesis: Synthesis, measured: NDArray[np.float64]) -> ReadRows:
    """Rows of the network's tilts at all angles, on the common scale of WBP, mean 0 each.

    A re-projection at a measured angle has that tilt's own mean, not the smooth fit's; that of
    an angle measured several times the mean of theirs.
    """
    stats = synthesis.stats
    gain = common_gain(stats, synthesis.angles).astype(np.float32)
    mean = stats.at(synthesis.angles)[0].astype(np.float32)
    times = by_angle(measured, np.ones(measured.size))
    mean[np.isin(synthesis.angles, measured)] = by_angle(measured, stats.mean) / times

    def read(rows: slice) -> NDArray[np.float32]:
        return (synthesis.of_the_box(rows) - mean[:, None, None]) * gain[:, None, None]

    return read


def by_angle(measured: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the tilts of each angle, angles ascending: one may be measured several times."""
    _, place = np.unique(measured, return_inverse=True)
    return np.asarray(np.bincount(place, weights=values), dtype=np.float64)

"""Both parts of the tomogram: WBP of the measured tilts, and what the synthesized ones add.

WBP is linear, so tomogram(alpha) = measured + alpha * synthesized. Beside them, on request,
the tomogram of the network's tilts alone, at all angles: denoised, and synthesized throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..events import raise_if_cancelled
from ..geometry import measured_weights, synthesized_weights
from ..intensity import IntensityStats, common_gain
from ..reconstruction.wbp import WBPSettings, reconstruct

if TYPE_CHECKING:
    from ..events import CancelToken, Job
    from ..synthesis import Synthesis
    from ..tilt_series import TiltSeries

ReadRows = Callable[[slice], NDArray[np.float32]]


def measure_intensities(series: TiltSeries, cancel: CancelToken | None = None) -> IntensityStats:
    """Intensities of the included tilts, read one after the other; `cancel` ends it early."""

    def tilts() -> Iterator[NDArray[np.float32]]:
        for i in series.included:
            raise_if_cancelled(cancel)
            yield series.read([i])[0]

    return IntensityStats.measure(tilts(), series.included_angles)


def measured_rows(series: TiltSeries, stats: IntensityStats) -> ReadRows:
    """Rows of the measured tilts on the common scale of WBP, mean 0 each."""
    gain = common_gain(stats, stats.angles)

    def read(rows: slice) -> NDArray[np.float32]:
        tilts = series.read(rows=rows)
        for i, tilt in enumerate(tilts):
            centred = stats.clipped(tilt, i) - np.float32(stats.mean[i])
            tilts[i] = centred * np.float32(gain[i])
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


def reconstruct_measured(
    series: TiltSeries,
    stats: IntensityStats,
    settings: WBPSettings,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[None]:
    """Plain WBP of the measured tilts: yields `SlabReady` of part "measured"."""
    yield from reconstruct(
        measured_rows(series, stats),
        series.included_angles,
        measured_weights(series.included_angles, cap_gaps=settings.cap_gaps),
        series.image_shape,
        settings,
        part="measured",
        cancel=cancel,
        fractions=fractions,
    )


def reconstruct_synthesized(
    synthesis: Synthesis,
    measured: NDArray[np.float64],
    shape: tuple[int, int],
    settings: WBPSettings,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[None]:
    """What synthesized tilts add to the tomogram: yields `SlabReady` of part "synthesized".

    Parameters
    ----------
    synthesis : Synthesis
        Of which only the angles that were not measured count.
    measured : ndarray
        Measured angles in degrees, ascending.
    shape : tuple of int
        (y, x) pixels.
    settings : WBPSettings
        As for the measured part.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next slab.
    """
    new = ~np.isin(synthesis.angles, measured)
    angles = synthesis.angles[new]
    if angles.size == 0:
        return
    yield from reconstruct(
        synthesized_rows(synthesis.tilts[new], angles, synthesis.stats),
        angles,
        synthesized_weights(measured, angles),
        shape,
        settings,
        part="synthesized",
        cancel=cancel,
        fractions=fractions,
    )


def reconstruct_denoised(
    synthesis: Synthesis,
    measured: NDArray[np.float64],
    shape: tuple[int, int],
    settings: WBPSettings,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[None]:
    """WBP of the network's tilts at measured and new angles: `SlabReady` of part "denoised".

    They show the box alone, where the weights know it. No measured pixel is in it. Every tilt
    weighs what it weighs in the other tomograms.

    Parameters
    ----------
    synthesis : Synthesis
        With tilts at every measured angle.
    measured, shape, settings, fractions, cancel
        As for `reconstruct_synthesized`.
    """
    new = ~np.isin(synthesis.angles, measured)
    weights = np.empty(synthesis.angles.size)
    weights[~new] = _by_angle(measured, measured_weights(measured, cap_gaps=settings.cap_gaps))
    weights[new] = synthesized_weights(measured, synthesis.angles[new])
    yield from reconstruct(
        reprojected_rows(synthesis, measured),
        synthesis.angles,
        weights,
        shape,
        settings,
        part="denoised",
        cancel=cancel,
        fractions=fractions,
    )


def reprojected_rows(synthesis: Synthesis, measured: NDArray[np.float64]) -> ReadRows:
    """Rows of the network's tilts at all angles, on the common scale of WBP, mean 0 each.

    A re-projection at a measured angle has that tilt's own mean, not the smooth fit's; that of
    an angle measured several times the mean of theirs.
    """
    stats = synthesis.stats
    gain = common_gain(stats, synthesis.angles).astype(np.float32)
    mean = stats.at(synthesis.angles)[0].astype(np.float32)
    times = _by_angle(measured, np.ones(measured.size))
    mean[np.isin(synthesis.angles, measured)] = _by_angle(measured, stats.mean) / times

    def read(rows: slice) -> NDArray[np.float32]:
        return (synthesis.of_the_box(rows) - mean[:, None, None]) * gain[:, None, None]

    return read


def _by_angle(measured: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the tilts of each angle, angles ascending: one may be measured several times."""
    _, place = np.unique(measured, return_inverse=True)
    return np.asarray(np.bincount(place, weights=values), dtype=np.float64)

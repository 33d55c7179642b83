"""Both parts of the tomogram: WBP of the measured tilts, and what the synthesized ones add.

WBP is linear, so tomogram(alpha) = measured + alpha * synthesized. Beside them, on request,
the tomogram of the network's tilts alone, at all angles: denoised, and synthesized throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..angular_weights import measured_weights, synthesized_weights, weights_given_up
from ..reconstruction import TiltSource
from ..reconstruction.wbp import ReadRows, WBPSettings, reconstruct
from .rows import by_angle, measured_rows, reprojected_rows, synthesized_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job
    from ..intensity import IntensityStats
    from ..reconstruction.filters import FilterName
    from ..synthesis import Synthesis
    from ..tilt_series import TiltSeries


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
        measured_weights(series.included_angles),
        series.image_shape,
        settings,
        part="measured",
        cancel=cancel,
        fractions=fractions,
    )


def added_source(
    read_new: ReadRows,
    angles: NDArray[np.float64],
    series: TiltSeries,
    stats: IntensityStats,
    filter_name: FilterName,
) -> TiltSource:
    """What synthesized tilts add to the plain WBP, as tilts with weights.

    Themselves and, where they fill a gap between measured ones, those beside it once more with
    the negative weight that they give up (`weights_given_up`).

    Parameters
    ----------
    read_new : callable
        Rows of the synthesized tilts, of `synthesized_rows`.
    angles : ndarray
        Of the synthesized tilts, degrees.
    series, stats
        The measured ones.
    filter_name : FilterName
        "exact" knows by itself how near measured tilts are to each other.
    """
    measured = series.included_angles
    given_up = weights_given_up(measured, angles)
    beside = np.flatnonzero(given_up) if filter_name != "exact" else np.empty(0, np.intp)
    read_beside = measured_rows(series, stats, beside)

    def read(rows: slice) -> NDArray[np.float32]:
        return (
            np.concatenate([read_new(rows), read_beside(rows)]) if beside.size else read_new(rows)
        )

    return TiltSource(
        read_rows=read,
        angles=np.concatenate([angles, measured[beside]]),
        shape_yx=series.image_shape,
        weights=np.concatenate([synthesized_weights(measured, angles), given_up[beside]]),
    )


def reconstruct_synthesized(
    synthesis: Synthesis,
    series: TiltSeries,
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
    series : TiltSeries
        The measured tilts.
    settings : WBPSettings
        As for the measured part.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next slab.
    """
    new = ~np.isin(synthesis.angles, series.included_angles)
    angles = synthesis.angles[new]
    if angles.size == 0:
        return
    read = synthesized_rows(synthesis.tilts[new], angles, synthesis.stats)
    added = added_source(read, angles, series, synthesis.stats, settings.filter)
    yield from reconstruct(
        added.read_rows,
        added.angles,
        added.weights,
        added.shape_yx,
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
    measured : ndarray
        Measured angles in degrees, ascending.
    shape : tuple of int
        (y, x) pixels.
    settings, fractions, cancel
        As for `reconstruct_synthesized`.
    """
    new = ~np.isin(synthesis.angles, measured)
    weights = np.empty(synthesis.angles.size)
    given_up = weights_given_up(measured, synthesis.angles[new])
    weights[~new] = by_angle(measured, measured_weights(measured) + given_up)
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

"""The angular weights of back-projection: how much of the half circle each tilt stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .geometry import GAP_STEPS, HALF_TURN, median_increment, missing_wedge

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def measured_weights(angles: ArrayLike, *, cap_gaps: bool = False) -> NDArray[np.float64]:
    """Angular weight of each measured tilt in back-projection, in radians.

    Half the distance to each measured neighbour; an end tilt counts the spacing to its
    one neighbour on both sides, never the wedge (nor beyond the half circle, where the
    tilts cover it). Tilts at the same angle share its weight.

    Parameters
    ----------
    angles : array_like
        Degrees, in any order.
    cap_gaps : bool
        Treat interior gaps as missing data too (set where they are synthesized): a tilt
        beside a gap then counts one median step into it, so that the gap's synthesized
        tilts are not counted twice.
    """
    array, inverse, counts = np.unique(
        np.asarray(angles, dtype=np.float64), return_inverse=True, return_counts=True
    )
    if array.size < 2:
        return np.full(inverse.size, np.pi / max(inverse.size, 1))
    steps = np.diff(array)
    if cap_gaps:
        step = median_increment(array)
        steps = np.where(steps > GAP_STEPS * step, step, steps)
    wedge = missing_wedge(array).width
    left = np.concatenate([[min(steps[0], wedge)], steps])
    right = np.concatenate([steps, [min(steps[-1], wedge)]])
    return (np.deg2rad((left + right) / 2) / counts)[inverse]


def synthesized_weights(measured: ArrayLike, synthesized: ArrayLike) -> NDArray[np.float64]:
    """Angular weight of each synthesized tilt: half the distance to each neighbour, in radians.

    Neighbours are measured or synthesized, around the half circle (the angle after the
    last one is the first one plus 180 degrees).
    """
    new = np.asarray(synthesized, dtype=np.float64)
    everything = np.concatenate([np.asarray(measured, dtype=np.float64), new])
    order = np.argsort(everything, kind="stable")
    ring = everything[order]
    before = np.diff(ring, prepend=ring[-1] - HALF_TURN)
    after = np.diff(ring, append=ring[0] + HALF_TURN)
    weights = np.empty_like(everything)
    weights[order] = (before + after) / 2
    return np.deg2rad(weights[everything.size - new.size :])


def weights_given_up(measured: ArrayLike, synthesized: ArrayLike) -> NDArray[np.float64]:
    """What measured tilts give up where synthesized ones fill a gap beside them.

    Alone, a tilt beside an interior gap stands for half of it. Synthesized tilts in the gap take
    that over, so that the gap is not counted twice.

    Parameters
    ----------
    measured, synthesized : array_like
        Degrees.

    Returns
    -------
    ndarray
        ``(n_measured,)`` radians, 0 or below, to add to `measured_weights`.
    """
    own, new = np.asarray(measured, np.float64), np.asarray(synthesized, np.float64)
    if not np.any((new > own.min()) & (new < own.max())):  # none but the wedge is filled
        return np.zeros(own.size)
    return measured_weights(own, cap_gaps=True) - measured_weights(own)

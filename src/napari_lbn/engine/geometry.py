"""Tilt angles, and the missing wedge of a set of angles.

One convention everywhere (``docs/geometry.md``): images are ``(tilt, y, x)``, volumes
``(z, y, x)``, the tilt axis runs along y, angles are degrees, and the volume point (x, z)
lands at detector coordinate ``q = x cos(theta) + z sin(theta)``, measured from the
rotation centre ``(n - 1) / 2`` of each axis (LBN paper, appendix A.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

HALF_TURN = 180.0
SAME_ANGLE = 1e-3
"""Degrees; tilts that are nearer to each other show the same."""
GAP_STEPS = 1.5
"""An interior gap wider than this many median steps counts as missing tilts."""
SMALLEST_STEP = 0.1
"""Degrees between synthesized tilts: a slip of the keyboard would run for days."""


@dataclass(frozen=True, kw_only=True)
class MissingWedge:
    """The gap from the last measured angle to the first one plus 180 degrees.

    Attributes
    ----------
    start, stop : float
        Degrees; ``stop`` lies beyond 90 and names the same ray as ``stop - 180``.
    """

    start: float
    stop: float

    @property
    def width(self) -> float:
        """Degrees without data; 0 where the tilts cover the half circle."""
        return max(self.stop - self.start, 0.0)


def sorted_angles(angles: ArrayLike) -> NDArray[np.float64]:
    """Angles as an ascending float64 array; at least one, all finite.

    Raises
    ------
    InputError
        No angles, or one that is not a finite number.
    """
    array = np.sort(np.asarray(angles, dtype=np.float64).ravel())
    if array.size == 0:
        raise InputError("No tilt angles were given.", "Give at least two.")
    if not np.isfinite(array).all():
        raise InputError("A tilt angle is not a finite number.", "Correct the angle file.")
    return array


def rotation_centre(size: int) -> float:
    """Rotation centre of an axis of `size` pixels, pixel centres being integers."""
    return (size - 1) / 2


def missing_wedge(angles: ArrayLike) -> MissingWedge:
    """The missing wedge of these angles, whatever their range and symmetry."""
    array = sorted_angles(angles)
    return MissingWedge(start=float(array[-1]), stop=float(array[0] + HALF_TURN))


def median_increment(angles: ArrayLike) -> float:
    """Median step between neighbouring angles, in degrees.

    Raises
    ------
    InputError
        Fewer than two different angles.
    """
    steps = np.diff(sorted_angles(angles))
    steps = steps[steps > 1e-6]
    if steps.size == 0:
        raise InputError(
            "A tilt series needs at least two different tilt angles.",
            "Check the angle file and which tilts are excluded.",
        )
    return float(np.median(steps))


def interior_gaps(angles: ArrayLike) -> list[tuple[float, float]]:
    """Gaps between neighbouring angles wider than 1.5 median steps, as (start, stop)."""
    array = sorted_angles(angles)
    if array.size < 2:
        return []
    limit = GAP_STEPS * median_increment(array)
    wide = np.flatnonzero(np.diff(array) > limit)
    return [(float(array[i]), float(array[i + 1])) for i in wide]


def wrap_angle(angle: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bring angles into (-90, 90] degrees.

    A projection at theta + 180 degrees is the projection at theta mirrored in x.

    Returns
    -------
    angle : ndarray
        Degrees in (-90, 90].
    mirrored : ndarray of bool
        Where the image has to be mirrored in x.
    """
    array = np.asarray(angle, dtype=np.float64)
    turns = np.ceil((array - 90.0) / HALF_TURN)
    # An angle a rounding error above 90 would become -90, which is outside.
    turns = np.where(array - turns * HALF_TURN <= -90.0, turns - 1, turns)
    return array - turns * HALF_TURN, turns % 2 != 0


def angles_to_synthesize(
    angles: ArrayLike,
    *,
    increment: float | None = None,
    fill_gaps: bool = False,
) -> NDArray[np.float64]:
    """Angles that were not measured: the missing wedge and, on request, interior gaps.

    Each gap is divided evenly into steps as close to `increment` as fit.

    Parameters
    ----------
    angles : array_like
        Measured angles in degrees.
    increment : float, optional
        Degrees; the median step of the series by default.
    fill_gaps : bool
        Also fill interior gaps wider than 1.5 median steps.

    Returns
    -------
    ndarray
        Ascending, in (-90, 90] degrees.

    Raises
    ------
    InputError
        A step of 0 or less, or below 0.1 degrees.
    """
    array = sorted_angles(angles)
    step = median_increment(array) if increment is None else float(increment)
    if not step > 0:
        raise InputError(f"The tilt increment must be above 0 degrees, not {step:g}.")
    if step < SMALLEST_STEP:
        raise InputError(
            f"Tilts every {step:g}° are too many to fill the missing wedge with.",
            f"Give an increment of {SMALLEST_STEP:g}° or more (--increment, or in the dock).",
        )
    wedge = missing_wedge(array)
    gaps = [(wedge.start, wedge.stop)]
    if fill_gaps:
        gaps += interior_gaps(array)
    new = [_subdivide(start, stop, step) for start, stop in gaps]
    wrapped, _ = wrap_angle(np.concatenate(new))
    return np.sort(wrapped)


def _subdivide(start: float, stop: float, step: float) -> NDArray[np.float64]:
    """Evenly spaced angles strictly inside a gap, in steps as close to `step` as fit."""
    count = max(round((stop - start) / step), 1)
    return np.linspace(start, stop, count + 1)[1:-1]

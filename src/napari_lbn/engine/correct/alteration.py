"""What the synthesized tilts add to the tomogram, inside and outside the missing wedge.

Measured tilts are never altered; this is the number that shows it for a run.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft
from scipy.signal.windows import tukey

from ..angular_weights import weights_given_up
from ..events import SlabReady
from ..fourier_regions import INSIDE, wedge_regions
from ..geometry import HALF_TURN, median_increment, missing_wedge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from ..events import Event

ROWS = 64
"""Rows of y, evenly over the tomogram, on which a run is measured."""
BLUR = 2.0
"""Frequencies nearer than this over the thickness to the wedge's border belong to neither side."""
TAPER = 0.25
"""Share of x over which slabs fade out at their ends."""
NEXT_TO = 0.75
"""Directions this many steps from a measured tilt count as measured."""

NOT_FINITE = (
    "What the synthesized tilts changed could not be measured: the tomogram holds values that are "
    "not finite numbers. Check the values of the tilt series."
)


@dataclass(frozen=True, kw_only=True)
class Alteration:
    """What was added to a tomogram, inside and outside the missing wedge.

    Attributes
    ----------
    changed_outside : float
        Amplitude added outside the wedge, as a share of the measured amplitude there.
    added_inside : float
        Amplitude added inside the wedge, as a share of the measured amplitude outside.
    """

    changed_outside: float
    added_inside: float

    @property
    def is_known(self) -> bool:
        """Whether both could be measured: not in a tomogram that is not finite."""
        return bool(np.isfinite([self.changed_outside, self.added_inside]).all())

    @property
    def sentence(self) -> str:
        """In plain words."""
        if not self.is_known:
            return NOT_FINITE
        return (
            f"Outside the wedge the tomogram changed by {percent(self.changed_outside)} "
            f"of its amplitude; inside, {percent(self.added_inside)} was added."
        )

    def times(self, alpha: float) -> Alteration:
        """Of a tomogram to which this share of the synthesized part is added."""
        return Alteration(
            changed_outside=alpha * self.changed_outside, added_inside=alpha * self.added_inside
        )


def percent(share: float) -> str:
    """A share in per cent, with two digits where it is small."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


class AlterationMeter:
    """Measures `Alteration` from slabs of y, as they come, in any order.

    Parameters
    ----------
    angles : array_like
        Measured, degrees.
    synthesized : array_like
        Degrees. Measured tilts beside a gap that they fill count on neither side: they stood
        for the gap in the plain WBP, and give that up.
    """

    def __init__(self, angles: ArrayLike, synthesized: ArrayLike = ()) -> None:
        self._angles = np.asarray(angles, dtype=np.float64)
        self._stay = self._angles[weights_given_up(self._angles, synthesized) == 0]
        self._wedge = missing_wedge(angles)
        self._inside = wedge_regions(angles)[INSIDE]
        self._measured_outside = self._added_outside = self._added_inside = 0.0

    def add_measured(self, slab: NDArray[np.float32]) -> None:
        """Rows ``(z, y, x)`` of the plain WBP."""
        power = _power(slab)
        self._measured_outside += float(power[self._regions(slab.shape)[1]].sum())

    def add_synthesized(self, slab: NDArray[np.float32]) -> None:
        """The same rows of what the synthesized tilts add."""
        power = _power(slab)
        inside, outside = self._regions(slab.shape)
        self._added_outside += float(power[outside].sum())
        self._added_inside += float(power[inside].sum())

    def take(self, event: Event, height: int) -> None:
        """Measure some rows of a slab that a correction yields, evenly over its height."""
        if not isinstance(event, SlabReady) or event.preview:
            return
        step = max(height // ROWS, 1)
        first = -event.y_start % step
        rows = event.slab[:, first::step]
        if rows.shape[1]:
            add = self.add_measured if event.part == "measured" else self.add_synthesized
            add(rows)

    def result(self) -> Alteration:
        """Of all slabs so far."""
        if self._measured_outside == 0:
            return Alteration(changed_outside=0.0, added_inside=0.0)
        return Alteration(
            changed_outside=float(np.sqrt(self._added_outside / self._measured_outside)),
            added_inside=float(np.sqrt(self._added_inside / self._measured_outside)),
        )

    def _regions(self, shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """What is inside the wedge, and what is well outside it and near a measured tilt."""
        nz, _, nx = shape
        kz, kx = fft.fftfreq(nz)[:, None], fft.rfftfreq(nx)[None, :]
        inside = self._inside(kz, np.zeros((1, 1)), kx)
        # a slab of nz pixels cannot tell directions apart nearer than this to the border
        outside = ~inside & (self._distance_to_border(kz, kx) > BLUR / nz)
        return inside, outside & self._is_measured(kz, kx)

    def _distance_to_border(
        self, kz: NDArray[np.float64], kx: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Cycles per pixel from the nearest of the two directions that end the wedge."""
        first, last = np.deg2rad([self._wedge.start, self._wedge.stop])
        return np.minimum(
            np.abs(kx * np.sin(first) - kz * np.cos(first)),
            np.abs(kx * np.sin(last) - kz * np.cos(last)),
        )

    def _is_measured(self, kz: NDArray[np.float64], kx: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Directions next to a measured tilt: interior gaps that were filled are none."""
        direction = np.rad2deg(np.arctan2(kz, kx))
        apart = np.full(direction.shape, HALF_TURN)
        for angle in self._stay:
            around = np.mod(direction - angle, HALF_TURN)
            apart = np.minimum(apart, np.minimum(around, HALF_TURN - around))
        return apart <= NEXT_TO * median_increment(self._angles)


def metered(events: Iterator[Event], meter: AlterationMeter, height: int) -> Iterator[Event]:
    """Pass events on and measure their slabs."""
    for event in events:
        meter.take(event, height)
        yield event


def as_record(found: Alteration) -> dict[str, Any]:
    """For a run's provenance: the figures, None where they are unknown, and what they mean."""
    figures = asdict(found) if found.is_known else dict.fromkeys(asdict(found))
    return {**figures, "in_words": found.sentence}


def _power(slab: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power ``(kz, kx)`` summed over y; float64, which the square of no float32 overflows."""
    nz, _, nx = slab.shape
    kx = fft.rfftfreq(nx)[None, :]
    unit = float(np.abs(slab).max()) or 1.0  # the transform is of float32
    if not np.isfinite(unit):
        return np.full((nz, kx.size), np.nan)
    # Measured tilts fill all of x but the slab ends in z: without a window its faces
    # would leak across the wedge's border.
    window = np.outer(tukey(nz + 2, 1.0)[1:-1], tukey(nx + 2, TAPER)[1:-1])[:, None, :]
    spectrum = fft.rfft2((slab / unit * window).astype(np.float32), axes=(0, 2))
    # terms of rfft stand for two, but for those that are their own mirror image
    weight = np.where((kx == 0) | (kx == 0.5), 1.0, 2.0)
    return np.asarray((np.abs(spectrum) ** 2).sum(axis=1) * weight * unit**2)

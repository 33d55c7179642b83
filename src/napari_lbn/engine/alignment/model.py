"""The internal form of an alignment, into which every package's files are read.

One row is one tilt. A point of the raw image and the same point of the aligned image, both in
Å from the centre ``(n - 1) / 2`` of their own image, x along columns and y along rows, are
related by

    aligned = magnification * R(rotation) @ raw + shift,
    R(a) = [[cos a, -sin a], [sin a, cos a]],

that is: rotate about the raw image's centre (x towards y), scale, then shift. It is the form of
IMOD's ``.xf``. The tilt axis of the aligned image lies along y; that of the raw image lies at
``-rotation`` degrees from y, which is what IMOD, AreTomo, Warp and RELION call the axis angle.
``docs/formats.md`` says how each package writes the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_SHIFT = 1e6
"""Å; 100 µm. A larger shift is a damaged file."""
LARGEST_ANGLE = 360.0
LARGEST_DOSE = 1e5
"""e/Å²; nothing is left of a specimen long before."""
MAGNIFICATIONS = (0.5, 2.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """Where each tilt of a raw stack lies after alignment.

    Attributes
    ----------
    angles : ndarray
        ``(n_tilts,)`` tilt angles in degrees, in the sign of the file they came from.
    rotations : ndarray
        ``(n_tilts,)`` degrees; rotation of the image in its plane, x towards y.
    shifts : ndarray
        ``(n_tilts, 2)`` x and y in the aligned image, after rotation and magnification. Å,
        or pixels of the raw image where `in_pixels` is true.
    sections : ndarray
        ``(n_tilts,)`` section of the raw stack that each row speaks of, 0 first.
    magnifications : ndarray or None
        ``(n_tilts,)``; None means 1 throughout.
    excluded : frozenset of int
        Rows that the package leaves out.
    order : ndarray or None
        ``(n_tilts,)`` rank in time, 0 first.
    dose : ndarray or None
        ``(n_tilts,)`` accumulated exposure before each tilt, e/Å².
    in_pixels : bool
        Shifts count pixels, because the file does not say how large they are.
    pixel_size : float or None
        Å of the raw images, where the file says it.
    aligned_shape : tuple of int or None
        (y, x) of the aligned images in binned pixels, where the file says it.
    binning : float
        Of the aligned images.
    source : str
        Name of the file, for people.
    notes : tuple of str
        What the file holds and this form does not carry.
    """

    angles: NDArray[np.float64]
    rotations: NDArray[np.float64]
    shifts: NDArray[np.float64]
    sections: NDArray[np.intp]
    magnifications: NDArray[np.float64] | None = None
    excluded: frozenset[int] = frozenset()
    order: NDArray[np.intp] | None = None
    dose: NDArray[np.float64] | None = None
    in_pixels: bool = False
    pixel_size: float | None = None
    aligned_shape: tuple[int, int] | None = None
    binning: float = 1.0
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @property
    def n_tilts(self) -> int:
        """Number of rows, excluded ones counted."""
        return len(self.angles)

    @property
    def axis_lies(self) -> bool:
        """True where the raw tilt axis is nearer to x: aligned images are on their side."""
        angle = np.deg2rad(float(np.median(self.rotations)))
        return bool(abs(np.sin(angle)) > np.sqrt(0.5))

    @property
    def moves_nothing(self) -> bool:
        """True for that of an aligned stack: its images stay as they are."""
        scale = self.magnifications
        still = not self.rotations.any() and not self.shifts.any() and self.binning == 1
        return still and (scale is None or bool(np.all(scale == 1)))

    def matrix(self, tilt: int) -> NDArray[np.float64]:
        """``(2, 2)`` from raw to aligned coordinates (x, y), magnification included."""
        angle = np.deg2rad(self.rotations[tilt])
        scale = 1.0 if self.magnifications is None else self.magnifications[tilt]
        cosine, sine = np.cos(angle), np.sin(angle)
        return scale * np.array([[cosine, -sine], [sine, cosine]])

    def in_angstrom(self, pixel_size: float | None) -> Alignment:
        """The same with shifts in Å.

        Parameters
        ----------
        pixel_size : float or None
            Å of the pixels that the shifts count; of no matter where they are Å already.
        """
        if not self.in_pixels:
            return self
        if pixel_size is None:
            raise InputError(
                f"{self.source}: shifts count pixels, and their size is unknown.",
                "Give the pixel size in Å.",
            )
        return replace(self, shifts=self.shifts * pixel_size, in_pixels=False)

    def raw_offsets(self) -> NDArray[np.float64]:
        """``(n_tilts, 2)`` point of the raw image that lands in the aligned image's centre.

        AreTomo, Warp and RELION write this one: ``raw = R(axis) @ aligned + offset``.
        """
        return np.array(
            [np.linalg.solve(self.matrix(i), 0.0 - self.shifts[i]) for i in range(self.n_tilts)]
        ).reshape(-1, 2)

    def describe(self) -> dict[str, Any]:
        """For provenance."""
        return {
            "source": self.source,
            "axis_angle": round(float(-np.median(self.rotations)), 4) if self.n_tilts else None,
            "largest_shift": round(float(np.abs(self.shifts).max(initial=0)), 3),
            "unit_of_shifts": "pixels" if self.in_pixels else "Å",
            "excluded_sections": sorted(int(self.sections[i]) + 1 for i in self.excluded),
            "binning": self.binning,
        }


def shifts_from_raw_offsets(
    rotations: NDArray[np.float64],
    offsets: NDArray[np.float64],
    magnifications: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """``(n, 2)`` shifts of `Alignment` from what AreTomo, Warp and RELION write."""
    angles = np.deg2rad(rotations)
    scale = np.ones_like(angles) if magnifications is None else magnifications
    x, y = offsets[:, 0], offsets[:, 1]
    turned = np.stack(
        [np.cos(angles) * x - np.sin(angles) * y, np.sin(angles) * x + np.cos(angles) * y], axis=1
    )
    return -scale[:, None] * turned


def _check(alignment: Alignment) -> None:
    """Refuse what no microscope gives: it would ask for absurd memory or give black images."""
    name, count = alignment.source or "alignment", len(alignment.angles)
    if count < 1:
        raise InputError(f"{name} aligns no image.", "Choose the alignment of a tilt series.")
    columns = {
        "rotations": (alignment.rotations, LARGEST_ANGLE),
        "shifts": (alignment.shifts, LARGEST_SHIFT),
        "tilt angles": (alignment.angles, LARGEST_ANGLE),
    }
    if alignment.dose is not None:
        columns["doses"] = (alignment.dose, LARGEST_DOSE)
    for what, (values, limit) in columns.items():
        if len(values) != count:
            raise InputError(f"{name} has {count} tilt angles but {len(values)} {what}.")
        if not np.isfinite(values).all() or np.abs(values).max() > limit:
            raise InputError(f"{name}: {what} hold a value that cannot be.", "Check the file.")
    low, high = MAGNIFICATIONS
    scale = alignment.magnifications
    if scale is not None and not np.all((scale >= low) & (scale <= high)):
        raise InputError(f"{name}: magnifications must lie between {low:g} and {high:g}.")
    sections = alignment.sections
    if len(sections) != count or len(np.unique(sections)) != count or np.min(sections) < 0:
        raise InputError(f"{name} names an image of the stack twice, or one that cannot be.")

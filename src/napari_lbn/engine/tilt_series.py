"""The tilt series: its geometry, its lazily read images and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .geometry import SAME_ANGLE, MissingWedge, median_increment, missing_wedge

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TiltSeries:
    """An aligned tilt series, tilts ascending in angle, the tilt axis along y.

    Attributes
    ----------
    images : array_like
        ``(section, y, x)``, usually memory-mapped, in the file's own order and type.
    angles : ndarray
        ``(n_tilts,)`` degrees, ascending.
    sections : ndarray
        ``(n_tilts,)`` section of `images` that holds each tilt.
    file_sections : ndarray or None
        Section of the source's file behind each of `images`, from 0, where an alignment leaves
        some of them out or sorts them; None where they are those of the file.
    pixel_size : float or None
        Ångström; None where unknown.
    name : str
        For layers and output files.
    source : Path or None
        File that the images came from.
    order : ndarray or None
        ``(n_tilts,)`` acquisition order, 0 first.
    dose : ndarray or None
        ``(n_tilts,)`` accumulated exposure before each tilt, e/Å².
    excluded : frozenset of int
        Tilts (indices into `angles`) left out of every computation, images untouched.
    inverted : bool
        True where the user inverted the sign of the file's angles.
    history : dict
        Provenance: which file the angles came from, binning, options.
    """

    images: Any
    angles: NDArray[np.float64]
    sections: NDArray[np.intp]
    file_sections: NDArray[np.intp] | None = None
    pixel_size: float | None = None
    name: str = "tilt series"
    source: Path | None = None
    order: NDArray[np.intp] | None = None
    dose: NDArray[np.float64] | None = None
    excluded: frozenset[int] = frozenset()
    inverted: bool = False
    history: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.angles) != len(self.sections):
            raise InputError(
                f"{self.name}: {len(self.angles)} angles for {len(self.sections)} images."
            )
        if np.any(np.diff(self.angles) < 0):
            raise InputError(f"{self.name}: tilts must be sorted by angle.")

    @classmethod
    def from_array(
        cls,
        images: Any,
        angles: Iterable[float],
        *,
        pixel_size: float | None = None,
        name: str = "tilt series",
        **attributes: Any,
    ) -> TiltSeries:
        """A tilt series from images ``(n, y, x)`` and their angles in any order."""
        values = np.asarray(list(angles), dtype=np.float64)
        order = np.argsort(values, kind="stable")
        return cls(
            images=images,
            angles=values[order],
            sections=order,
            pixel_size=pixel_size,
            name=name,
            **attributes,
        )

    @property
    def n_tilts(self) -> int:
        """Number of tilts, excluded ones counted."""
        return len(self.angles)

    @property
    def image_shape(self) -> tuple[int, int]:
        """(y, x) in pixels."""
        return int(self.images.shape[1]), int(self.images.shape[2])

    @property
    def section_numbers(self) -> NDArray[np.intp]:
        """``(n_tilts,)`` section of the source's file that holds each tilt, counted from 1."""
        files = self.file_sections
        return (self.sections if files is None else files[self.sections]) + 1

    @property
    def included(self) -> NDArray[np.intp]:
        """Indices of the tilts in use, ascending in angle."""
        keep = [i for i in range(self.n_tilts) if i not in self.excluded]
        return np.asarray(keep, dtype=np.intp)

    @property
    def included_angles(self) -> NDArray[np.float64]:
        """Angles of the tilts in use, degrees, ascending."""
        return self.angles[self.included]

    @property
    def included_by_angle(self) -> list[tuple[int, ...]]:
        """Indices of the tilts in use; those of one angle together, which show the same."""
        steps = np.flatnonzero(np.diff(self.included_angles) >= SAME_ANGLE) + 1
        return [tuple(int(i) for i in group) for group in np.split(self.included, steps)]

    @property
    def increment(self) -> float:
        """Median step of the tilts in use, degrees."""
        return median_increment(self.included_angles)

    @property
    def wedge(self) -> MissingWedge:
        """The missing wedge of the tilts in use."""
        return missing_wedge(self.included_angles)

    def read(
        self, tilts: Iterable[int] | None = None, rows: slice = slice(None)
    ) -> NDArray[np.float32]:
        """Read images as float32.

        Parameters
        ----------
        tilts : iterable of int, optional
            Indices into `angles`; the included tilts by default.
        rows : slice
            Rows of y to read; only these are read from a memory-mapped file.

        Returns
        -------
        ndarray
            ``(len(tilts), rows, x)`` float32, intensities as in the file.
        """
        chosen = self.included if tilts is None else list(tilts)
        images = [np.asarray(self.images[self.sections[i], rows], np.float32) for i in chosen]
        return np.stack(images) if images else np.empty((0, *self.image_shape), np.float32)

    def with_excluded(self, tilts: Iterable[int]) -> TiltSeries:
        """The same series with exactly these tilts excluded."""
        chosen = frozenset(int(i) for i in tilts)
        if any(not 0 <= i < self.n_tilts for i in chosen):
            raise InputError(f"{self.name} has tilts 0 to {self.n_tilts - 1} only.")
        return replace(self, excluded=chosen)

    def with_pixel_size(self, pixel_size: float | None) -> TiltSeries:
        """The same series with another pixel size in Å."""
        return replace(self, pixel_size=pixel_size)

    def with_inverted_angles(self) -> TiltSeries:
        """The same series with the sign of every angle changed, again ascending."""
        last = self.n_tilts - 1
        return replace(
            self,
            angles=-self.angles[::-1],
            sections=self.sections[::-1],
            order=None if self.order is None else self.order[::-1],
            dose=None if self.dose is None else self.dose[::-1],
            excluded=frozenset(last - i for i in self.excluded),
            inverted=not self.inverted,
        )

"""Where volume pixels land on the detector: the geometry of one xz plane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal, TypeAlias

from ..errors import InputError
from ..geometry import rotation_centre

Footprint: TypeAlias = Literal["linear", "distance"]
"""How the shadow of a volume pixel spreads over detector pixels.

``"linear"``: linear interpolation at the shadow's centre, the paper's formulation.
``"distance"``: the overlap of detector pixels with a box as wide as the pixel's shadow,
``max(|cos|, |sin|)``; the shadows of a row or column of pixels then tile the detector
without gaps, so that a uniform slab projects without moiré. Both are equal at 0 and 90
degrees, and both conserve mass.
"""


@dataclass(frozen=True, kw_only=True)
class ProjectionGeometry:
    """Single-axis parallel geometry of one xz plane; the same for every y.

    The volume pixel (z, x) lands at detector coordinate
    ``q = (x - x_centre) cos(angle) + (z - z_centre) sin(angle) + detector_centre``
    (LBN paper, appendix A.3). Pixel centres are integers.

    Attributes
    ----------
    angles : tuple of float
        Tilt angles in degrees, in any order.
    nx, nz : int
        Volume width and thickness in pixels.
    n_detector : int or None
        Detector pixels along x; `nx` by default.
    volume_centre : tuple of float or None
        Rotation centre (z, x) in volume pixels; the middle ``(n - 1) / 2`` by default.
    detector_centre : float or None
        Where the rotation axis lands on the detector, in pixels; its middle by default.
    footprint : {"linear", "distance"}
        How the shadow of a volume pixel spreads over detector pixels, see `Footprint`.

    Raises
    ------
    InputError
        No angle, an angle that is not finite, or a size below one pixel.
    """

    angles: tuple[float, ...]
    nx: int
    nz: int
    n_detector: int | None = None
    volume_centre: tuple[float, float] | None = None
    detector_centre: float | None = None
    footprint: Footprint = "linear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", tuple(float(angle) for angle in self.angles))
        if not self.angles or not all(map(isfinite, self.angles)):
            raise InputError("A projection needs at least one tilt angle, all of them finite.")
        if min(self.nx, self.nz, self.detector_size) < 1:
            raise InputError(
                f"Volume width {self.nx}, thickness {self.nz} and detector width "
                f"{self.detector_size} must each be at least one pixel."
            )
        if self.footprint not in ("linear", "distance"):
            raise InputError(
                f"Unknown footprint {self.footprint!r}.", 'Use "linear" or "distance".'
            )

    @property
    def n_tilts(self) -> int:
        """Number of tilt angles."""
        return len(self.angles)

    @property
    def detector_size(self) -> int:
        """Detector pixels along x."""
        return self.nx if self.n_detector is None else self.n_detector

    @property
    def centre_zx(self) -> tuple[float, float]:
        """Rotation centre (z, x) in volume pixels."""
        if self.volume_centre is None:
            return rotation_centre(self.nz), rotation_centre(self.nx)
        return self.volume_centre

    @property
    def centre_q(self) -> float:
        """Where the rotation axis lands on the detector, in pixels."""
        if self.detector_centre is None:
            return rotation_centre(self.detector_size)
        return self.detector_centre

    @property
    def volume_shape(self) -> tuple[int, int]:
        """(nz, nx)."""
        return self.nz, self.nx

    @property
    def tilts_shape(self) -> tuple[int, int]:
        """(n_tilts, n_detector)."""
        return self.n_tilts, self.detector_size

    def z_block(self, start: int, stop: int) -> ProjectionGeometry:
        """The geometry of volume rows `start` to `stop` of z, everything staying in place."""
        centre_z, centre_x = self.centre_zx
        return replace(
            self,
            nz=stop - start,
            volume_centre=(centre_z - start, centre_x),
            n_detector=self.detector_size,
            detector_centre=self.centre_q,
        )

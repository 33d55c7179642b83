"""What a procedural specimen is made of, and how likely each ingredient is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

Range = tuple[float, float]

MAX_LEAN = 15.0
"""Degrees."""

INGREDIENTS = (
    "cell",
    "cloud",
    "texture",
    "molecules",
    "vesicles",
    "sheets",
    "filaments",
    "microtubules",
    "granules",
    "beads",
    "carbon",
    "embedded",
)


@dataclass(frozen=True, kw_only=True)
class SpecimenSettings:
    """Procedural specimens: sizes, and an ingredient's probability as its switch.

    Every ingredient is drawn from a random stream of its own, so switching one off
    (0) or on (1) leaves the others as they were.

    Attributes
    ----------
    field : tuple of int
        Field of view ``(y, x)`` in tilt pixels.
    views : int
        Fields of view imaged on one specimen, side by side along x.
    pixel_size : tuple of float
        Range of tilt pixel sizes in Å; each specimen draws one, log-uniformly.
    thickness : tuple of float
        Range of slab thicknesses in tilt pixels.
    thickness_nm : tuple of float, optional
        Range in nm, drawn log-uniformly; `thickness` then only clips it.
    lean : tuple of float
        Range in degrees by which the slab leans along the tilt axis.
    max_angle : float
        Degrees; up to this tilt every ray through the field of view stays in the slab.
    oversampling : int
        Specimen voxels per tilt pixel along each axis.
    coarse_beyond : float
        Slabs thicker than this many tilt pixels get one voxel per tilt pixel, so that
        thick specimens stay affordable.
    margin : int
        Tilt pixels computed beyond each edge of the field of view and cropped, so that
        the contrast transfer function sees the neighbourhood.
    gradient : float
        Largest change of thickness across the specimen, as a fraction; 0 switches it off.
    roughness : float
        Largest standard deviation of the surfaces, as a fraction of the thickness.
    cell, cloud, texture, molecules, vesicles, sheets, filaments, microtubules : float
        Probability that a specimen holds a cell body with its envelope; smooth density
        variation with a power-law spectrum; the texture of small solutes; macromolecules;
        vesicles; undulating membranes and cell walls; thin filaments; microtubules.
    granules, beads, carbon, embedded : float
        Probability of dense granules, of gold beads, of a carbon film with an edge, of
        proteins embedded in the membranes there are.
    maps : tuple of Path
        Density maps (``.mrc``), or folders of them, that join the procedural
        macromolecules.
    membrane_maps : tuple of Path
        The same for embedded proteins: the membrane's normal along z, its middle at the
        middle of the box.
    """

    field: tuple[int, int] = (128, 128)
    views: int = 3
    pixel_size: Range = (9.0, 21.0)
    thickness: Range = (40.0, 100.0)
    thickness_nm: Range | None = None
    lean: Range = (0.0, 0.0)
    max_angle: float = 72.0
    oversampling: int = 2
    coarse_beyond: float = 110.0
    margin: int = 8
    gradient: float = 0.4
    roughness: float = 0.06
    cell: float = 0.6
    cloud: float = 1.0
    texture: float = 1.0
    molecules: float = 0.95
    vesicles: float = 0.5
    sheets: float = 0.4
    filaments: float = 0.35
    microtubules: float = 0.2
    granules: float = 0.35
    beads: float = 0.7
    carbon: float = 0.12
    embedded: float = 0.6
    maps: tuple[Path, ...] = ()
    membrane_maps: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for name in INGREDIENTS:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"The probability of {name} must lie between 0 and 1.")
        if not 0 < self.thickness[0] <= self.thickness[1]:
            raise InputError("The thickness range must be positive and ascending.")
        if self.thickness_nm is not None and not 0 < self.thickness_nm[0] <= self.thickness_nm[1]:
            raise InputError("The thickness range in nm must be positive and ascending.")
        if not -MAX_LEAN <= self.lean[0] <= self.lean[1] <= MAX_LEAN:
            raise InputError(f"The slab leans by at most {MAX_LEAN:g} degrees.")
        if not (0 <= self.gradient <= 1 and 0 <= self.roughness <= 1):
            raise InputError("Gradient and roughness are fractions, from 0 to 1.")
        if not 0 < self.pixel_size[0] <= self.pixel_size[1] < float("inf"):
            raise InputError("The pixel size must be positive and ascending.")
        if not 0 < self.max_angle < 85:
            raise InputError("The angle that the slab covers must lie between 0 and 85 degrees.")
        if self.oversampling < 1 or self.views < 1 or min(self.field) < 8:
            raise InputError("Oversampling and views start at 1, the field of view at 8 pixels.")

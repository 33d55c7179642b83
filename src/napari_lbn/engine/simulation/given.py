"""Any volume as a specimen: re-projected at any angle, with the simulated microscope if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .specimens.beads import Beads
from .specimens.grid import Grid
from .specimens.settings import SpecimenSettings
from .specimens.shapes import PROTEIN
from .specimens.specimen import Specimen

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_FIELD = 8
"""Pixels along y and x."""

SAMPLED = 2_000_000
"""Voxels from which background and densest density of a volume are taken."""

DENSEST = 99.9
"""Percentile of a volume that is taken for protein."""


def specimen_of_volume(
    volume: NDArray[Any],
    pixel_size: float,
    *,
    dense_is_positive: bool = True,
    name: str = "The volume",
) -> Specimen:
    """A specimen made of a given volume; what lies beside it is unknown and taken as empty.

    The volume's median becomes 0 and its densest voxels become protein in ice, so that
    tilts get contrast as strong as cells give; everything stays linear in the volume. Ice
    as thick as the volume absorbs, and has no other contrast.

    Parameters
    ----------
    volume : ndarray
        ``(z, y, x)``, tilt axis along y.
    pixel_size : float
        Å.
    dense_is_positive : bool
        As in density maps; tomograms as they come are negative where dense.
    name : str
        What errors call it.

    Raises
    ------
    InputError
        No volume, one without contrast, or with voxels that are not finite.
    """
    density = _in_ice(_checked(volume, name), name, dense_is_positive=dense_is_positive)
    nz, ny, nx = volume.shape
    settings = SpecimenSettings(
        field=(ny, nx),
        views=1,
        pixel_size=(pixel_size, pixel_size),
        thickness=(float(nz), float(nz)),
        oversampling=1,
        margin=0,
    )
    return Specimen(
        density=np.ascontiguousarray(density),
        grid=Grid(nz=nz, nx=nx, ny=ny, spacing=pixel_size / 10),
        settings=settings,
        pixel_size=pixel_size,
        thickness=float(nz),
        beads=Beads.none(),
        view_centres=(0.0,),
        ingredients=("given volume",),
        ice=float(nz),
    )


def _checked(volume: NDArray[Any], name: str) -> NDArray[np.float32]:
    """The volume as ``(z, x, y)``, if it is one and finite."""
    if volume.ndim != 3 or min(volume.shape) < 2 or min(volume.shape[1:]) < LEAST_FIELD:
        raise InputError(
            f"{name}: an array of shape {volume.shape} is no volume.", "Give a larger 3-D map."
        )
    density = np.asarray(volume, np.float32).transpose(0, 2, 1)
    broken = density.size - int(np.count_nonzero(np.isfinite(density)))
    if broken:
        raise InputError(
            f"{name} holds {broken} voxels that are not finite.", "Replace them by its background."
        )
    return density


def _in_ice(
    density: NDArray[np.float32], name: str, *, dense_is_positive: bool
) -> NDArray[np.float32]:
    """Its background 0, its densest voxels protein."""
    if not dense_is_positive:
        density = -density
    # Columns from all over the volume, however large it is.
    sample = density[:, :: max(1, min(density.size // SAMPLED, density.shape[1] // 16))]
    background, densest = np.percentile(sample, (50.0, DENSEST))
    if not densest > background:
        # Few voxels of a sparse volume are dense.
        densest = density.max()
    if not densest > background:
        raise InputError(
            f"{name} is empty, or dense where it should be thin.",
            "Say so if dense is negative in it.",
        )
    return (density - np.float32(background)) * np.float32(PROTEIN / (densest - background))

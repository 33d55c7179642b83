"""Line integrals of a specimen at any angle, on its own fine grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse import csr_array

from ...geometry import rotation_centre
from ...projection.footprint import detector_taps
from ...projection.geometry import ProjectionGeometry
from ..specimens.beads import ABSORPTION, project_shadows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..specimens.grid import Volume
    from ..specimens.specimen import Specimen

LEAST_FADE = 8
"""Tilt pixels over which the reconstruction box fades at least."""

GROUP = 8
"""Tilts projected together: neighbours in |angle| need about the same width of specimen."""


def project_specimen(
    specimen: Specimen, angles: Sequence[float], *, view: int = 0, box_only: bool = False
) -> NDArray[np.float32]:
    """Line integrals through one field of view and its margin, on the specimen's fine grid.

    Rotation is about the centre of the field of view, at half of the specimen's depth.

    Parameters
    ----------
    specimen : Specimen
        Any angle may be asked for; beyond the settings' `max_angle`, rays leave the
        slab through its sides.
    angles : sequence of float
        Degrees.
    view : int
        Which of the specimen's fields of view.
    box_only : bool
        Only the reconstruction box (field of view times depth, faded at its x edges to the
        mean of each layer), without the material beside it; less those means.

    Returns
    -------
    ndarray
        ``(n, y, x)`` float32, density times tilt pixels; ``oversampling`` pixels for each
        tilt pixel, and `margin` tilt pixels more than the field of view at each edge.
    """
    settings, grid = specimen.settings, specimen.grid
    fine = settings.oversampling
    n_detector = fine * (settings.field[1] + 2 * settings.margin)
    # Fine and coarse grids share their centre: coarse pixel i spans fine 2 i and 2 i + 1.
    centre = rotation_centre(grid.nx) + fine * specimen.view_centres[view]
    density = specimen.density
    if box_only:
        density, centre = _box(specimen, centre)
    result = np.empty((len(angles), grid.ny, n_detector), np.float32)
    order = np.argsort(np.abs(angles), kind="stable")
    for group in np.array_split(order, max(1, -(-len(order) // GROUP))):
        chosen = tuple(float(angles[i]) for i in group)
        result[group] = _project_group(density, chosen, centre, n_detector)
    result /= fine
    return result


def project_beads(
    specimen: Specimen, angles: Sequence[float], *, view: int = 0, box_only: bool = False
) -> NDArray[np.float32] | None:
    """Absorption of the gold beads on the same grid as `project_specimen`, None without any."""
    settings, grid, beads = specimen.settings, specimen.grid, specimen.beads
    if len(beads.radii) == 0:
        return None
    fine = settings.oversampling
    centre = rotation_centre(grid.nx) + fine * specimen.view_centres[view]
    weights = np.full(len(beads.radii), ABSORPTION / fine)
    if box_only:
        weights = weights * _fade(beads.centres[:, 1] - centre, specimen)
    return project_shadows(
        beads,
        np.asarray(angles, np.float64),
        centre_zx=(rotation_centre(grid.nz), centre),
        shape=(grid.ny, fine * (settings.field[1] + 2 * settings.margin)),
        weights=weights,
    )


def _box(specimen: Specimen, centre: float) -> tuple[Volume, float]:
    """The field of view's part of the density, faded at its x edges, and its centre.

    Each layer of z fades to its own mean, which is taken off: a box of ice would else cast a
    shadow of its own shape, which outweighs all that is in it.
    """
    settings, fine = specimen.settings, specimen.settings.oversampling
    half = fine * (settings.field[1] / 2 + settings.margin)
    start = max(int(np.ceil(centre - half)), 0)
    stop = min(int(np.floor(centre + half)) + 1, specimen.grid.nx)
    fade = _fade(np.arange(start, stop, dtype=np.float64) - centre, specimen).astype(np.float32)
    part = specimen.density[:, start:stop]
    layers = (part * fade[None, :, None]).sum(axis=(1, 2)) / (fade.sum() * part.shape[2])
    return (part - layers[:, None, None]) * fade[None, :, None], centre - start


def _fade(x: NDArray[np.float64], specimen: Specimen) -> NDArray[np.float64]:
    """Weight of the reconstruction box `x` voxels from the centre of the field of view."""
    settings, fine = specimen.settings, specimen.settings.oversampling
    half = fine * (settings.field[1] / 2 + settings.margin)
    ramp = (half - np.abs(x)) / (2 * fine * max(settings.margin, LEAST_FADE / 2))
    return np.sin(np.pi / 2 * np.clip(ramp, 0, 1)) ** 2


def _project_group(
    density: Volume, angles: tuple[float, ...], centre: float, n_detector: int
) -> NDArray[np.float32]:
    """Project at a few angles, ``(n, y, detector)``, from the part of x that they see."""
    nz, nx, ny = density.shape
    radians = np.deg2rad(angles)
    reach = n_detector / 2 + 1 + (nz / 2) * np.abs(np.sin(radians))
    width = float((reach / np.maximum(np.abs(np.cos(radians)), 1e-6)).max())
    start, stop = max(int(centre - width), 0), min(int(centre + width) + 2, nx)
    # Beyond 45 degrees a voxel's shadow is narrower than the step from column to column, and
    # a slab's surfaces leave a ripple of that period; voxels split in halves cancel it.
    halves = (-0.25, 0.25) if np.max(np.abs(radians)) > np.pi / 4 + 1e-6 else (0.0,)
    tilts = np.zeros((len(angles) * n_detector, ny), np.float32)
    for offset in halves:
        geometry = ProjectionGeometry(
            angles=angles,
            nx=stop - start,
            nz=nz,
            n_detector=n_detector,
            volume_centre=(rotation_centre(nz), centre - start + offset),
            footprint="distance",
        )
        tilts += _matrix(geometry, nx, start).T @ density.reshape(nz * nx, ny)
    tilts /= np.float32(len(halves))
    return tilts.reshape(len(angles), n_detector, ny).transpose(0, 2, 1)


def _matrix(geometry: ProjectionGeometry, nx: int, start: int) -> csr_array:
    """The back-projection matrix of a volume `nx` wide, of which `geometry` is a part.

    The part begins at x = `start`. Voxels outside it, and entries that miss the detector,
    cost nothing; the volume need not be copied.
    """
    columns, shares = detector_taps(geometry, device=torch.device("cpu"), dtype=torch.float32)
    values, index = shares.numpy(), columns.numpy()
    hit = values > 0
    entries = np.zeros((geometry.nz, nx), np.int64)
    entries[:, start : start + geometry.nx] = hit.sum(axis=(2, 3))
    pointers = np.zeros(entries.size + 1, np.int64)
    np.cumsum(entries.ravel(), out=pointers[1:])
    shape = (entries.size, geometry.n_tilts * geometry.detector_size)
    return csr_array((values[hit], index[hit], pointers), shape=shape)

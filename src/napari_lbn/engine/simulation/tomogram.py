"""The truth as a tomogram: the reconstruction box of a specimen on tilt pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..geometry import rotation_centre
from .series import latent_depth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .specimens.specimen import Specimen


def truth_tomogram(specimen: Specimen, pre_tilt: float, view: int = 0) -> NDArray[np.float32]:
    """Minus the density of a field of view, in units of ice: dense is dark.

    Parameters
    ----------
    specimen : Specimen
        Drawn or given.
    pre_tilt : float
        Degrees by which the slab is tilted on the stage; the tomogram is the stage's.
    view : int
        Which field of view.

    Returns
    -------
    ndarray
        ``(z, y, x)`` float32, voxels as large as tilt pixels; z holds the slab.
    """
    settings, fine = specimen.settings, specimen.settings.oversampling
    nz, nx, ny = (n // fine for n in specimen.density.shape)
    rows = specimen.density[: nz * fine, : nx * fine, : ny * fine]
    density = rows.reshape(nz, fine, nx, fine, ny, fine).mean(axis=(1, 3, 5))
    density = density[:, :, settings.margin : ny - settings.margin]
    shape = (latent_depth(specimen, pre_tilt), settings.field[1])
    middle_x = rotation_centre(nx) + specimen.view_centres[view]
    if pre_tilt == 0:
        left = round(middle_x - rotation_centre(shape[1]))
        box = density[:, left : left + shape[1]]
    else:
        box = _turned(density, shape, (rotation_centre(nz), middle_x), np.deg2rad(pre_tilt))
    return np.ascontiguousarray(-box.transpose(0, 2, 1), np.float32)


def _turned(
    density: NDArray[np.float32],
    shape: tuple[int, int],
    centre: tuple[float, float],
    pre_tilt: float,
) -> NDArray[np.float32]:
    """The density on the stage's axes: a point (z, x) of the stage lies tilted in the slab."""
    cos, sin = np.cos(pre_tilt), np.sin(pre_tilt)
    # z' = z cos + x sin and x' = x cos - z sin, so that both see it at the same q.
    matrix = np.array([[cos, sin], [-sin, cos]])
    out = np.array([rotation_centre(n) for n in shape])
    offset = np.array(centre) - matrix @ out
    planes = [
        ndimage.affine_transform(density[:, :, y], matrix, offset, shape, order=1)
        for y in range(density.shape[2])
    ]
    return np.stack(planes, axis=2)

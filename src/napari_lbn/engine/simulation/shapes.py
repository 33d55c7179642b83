"""Macromolecules: a library of procedural shapes and of density maps given by the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import Volume

PROTEIN = 0.45
"""Density of protein above that of vitreous ice, in units of the density of ice."""


def clump(diameter: float, rng: np.random.Generator) -> Volume:
    """One macromolecule of Gaussian subunits, `diameter` in voxels, as a small cube.

    Subunits fill a random ellipsoid, a ring or a rod; their sum saturates, so that the
    inside is nearly as dense everywhere as protein is, with clefts and lumps.
    """
    count = int(rng.integers(6, 22))
    centres = _arrangement(count, rng) * diameter / 2
    sigma = diameter * rng.uniform(0.08, 0.14, count)
    half = int(np.ceil(diameter / 2 + 2 * sigma.max())) + 1
    axis = np.arange(-half, half + 1)
    profile = np.exp(-((axis - centres[:, :, None]) ** 2) / (2 * sigma[:, None, None] ** 2))
    profile = profile.astype(np.float32)
    total = np.einsum("na,nb,nc->abc", profile[:, 0], profile[:, 1], profile[:, 2], optimize=True)
    return (PROTEIN * -np.expm1(-1.5 * total)).astype(np.float32)


def _arrangement(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Subunit centres in the unit ball, in a random orientation."""
    kind = rng.choice(["ball", "ring", "rod"], p=[0.65, 0.2, 0.15])
    if kind == "ring":
        turn = np.arange(count) * 2 * np.pi / count
        stack = 0.35 * np.sign(np.sin(np.arange(count) * np.pi / 2 + 0.1))
        centres = np.stack([stack, 0.65 * np.cos(turn), 0.65 * np.sin(turn)], axis=1)
    else:
        directions = rng.standard_normal((count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        centres = 0.85 * directions * rng.uniform(0, 1, (count, 1)) ** (1 / 3)
        shape = [1.0, 0.3, 0.3] if kind == "rod" else rng.uniform(0.5, 1.0, 3)
        centres *= shape
    return Rotation.random(random_state=rng).apply(centres)


def library(
    count: int, spacing: float, rng: np.random.Generator, maps: Path | None = None
) -> list[Volume]:
    """Macromolecules 5 to 30 nm across, largest first, voxels of `spacing` nm."""
    diameters = 5.0 * 6.0 ** rng.uniform(0, 1, count) ** 1.3
    shapes = [clump(d / spacing, rng) for d in np.sort(diameters)[::-1]]
    if maps is not None:
        shapes += [_turned(m, rng) for m in read_maps(maps, spacing) for _ in range(4)]
        shapes.sort(key=np.size, reverse=True)
    return shapes


def read_maps(folder: Path, spacing: float) -> list[Volume]:
    """Every density map of a folder, resampled to `spacing` nm and scaled to protein.

    Raises
    ------
    InputError
        No readable ``*.mrc`` file in the folder.
    """
    paths = sorted(Path(folder).glob("*.mrc"))
    if not paths:
        raise InputError(f"{folder} holds no density maps.", "Give a folder of .mrc files.")
    return [_read_map(path, spacing) for path in paths]


def _read_map(path: Path, spacing: float) -> Volume:
    try:
        with mrcfile.open(path, permissive=True) as file:
            data, voxel = np.array(file.data, np.float32), float(file.voxel_size.x)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable MRC map: {error}") from error
    if data.ndim != 3 or not voxel > 0:
        raise InputError(f"{path} is no 3-D map with a voxel size.", "Write its pixel size.")
    data = ndimage.zoom(data, voxel / 10 / spacing, order=1)
    positive = np.clip(data, 0, None)
    inside = positive[positive > 0.2 * positive.max()]
    if inside.size == 0:
        raise InputError(f"{path} holds no density above 0.", "Give maps where dense is positive.")
    return (PROTEIN * np.clip(positive / np.median(inside), 0, 2)).astype(np.float32)


def _turned(density: Volume, rng: np.random.Generator) -> Volume:
    """The density in a random orientation about its centre, in the same box."""
    matrix = Rotation.random(random_state=rng).as_matrix()
    centre = (np.array(density.shape) - 1) / 2
    turned = ndimage.affine_transform(density, matrix, centre - matrix @ centre, order=1)
    return np.asarray(turned, np.float32)


def reoriented(shape: Volume, rng: np.random.Generator) -> Volume:
    """One of the 48 axis permutations and mirrorings of a shape, as a view."""
    view = shape.transpose(rng.permutation(3))
    flips = tuple(slice(None, None, int(s)) for s in rng.choice([-1, 1], 3))
    return view[flips]

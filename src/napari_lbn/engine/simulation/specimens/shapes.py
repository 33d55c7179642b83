"""Macromolecules: a library of procedural shapes and of density maps given by the user."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ...errors import InputError
from .grid import add_patch

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    # Subunits narrower than the grid holds would alias.
    sigma = np.maximum(diameter * rng.uniform(0.08, 0.14, count), 0.6)
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
    count: int, spacing: float, rng: np.random.Generator, maps: Sequence[Path] = ()
) -> list[Volume]:
    """Macromolecules 5 to 30 nm across, largest first, voxels of `spacing` nm."""
    diameters = 5.0 * 6.0 ** rng.uniform(0, 1, count) ** 1.3
    shapes = [clump(d / spacing, rng) for d in np.sort(diameters)[::-1]]
    if maps:
        for density in read_maps(maps, spacing):
            for _ in range(2):
                shape = turned(density, Rotation.random(random_state=rng))
                shapes.append(_trimmed(shape, centred=False))
        shapes.sort(key=np.size, reverse=True)
    return shapes


def membrane_proteins(
    count: int, spacing: float, rng: np.random.Generator, maps: Sequence[Path] = ()
) -> list[Volume]:
    """Proteins that cross a membrane: its normal along z, its middle at the box's middle."""
    shapes = []
    for _ in range(count):
        foot, head = (clump(rng.uniform(4, 10) / spacing, rng) for _ in range(2))
        half = max(foot.shape[0], head.shape[0]) + 2
        box = np.zeros((2 * half + 1,) * 3, np.float32)
        middle = np.full(3, half)
        add_patch(box, foot, middle - np.array(foot.shape) // 2)
        rise = round(rng.choice([-1, 1]) * rng.uniform(3, 7) / spacing)
        add_patch(box, head, middle + np.array([rise, 0, 0]) - np.array(head.shape) // 2)
        shapes.append(np.minimum(box, PROTEIN))
    return shapes + read_maps(maps, spacing, centred=True)


def map_files(maps: Sequence[Path]) -> list[Path]:
    """The files that are named, and every ``*.mrc`` of the folders that are named.

    Raises
    ------
    InputError
        A folder without any.
    """
    found: list[Path] = []
    for path in map(Path, maps):
        own = sorted(path.glob("*.mrc")) if path.is_dir() else [path]
        if not own:
            raise InputError(f"{path} holds no density maps.", "Give a folder of .mrc files.")
        found += own
    return found


def read_maps(maps: Sequence[Path], spacing: float, *, centred: bool = False) -> list[Volume]:
    """Density maps resampled to `spacing` nm and scaled to protein, without empty margins.

    Parameters
    ----------
    maps : sequence of Path
        Files, or folders of them.
    spacing : float
        nm.
    centred : bool
        Margins are trimmed alike on both sides, so that the middle stays the middle.

    Raises
    ------
    InputError
        A file that is no density map, or a folder without any.
    """
    return [_read_map(path, spacing, centred) for path in map_files(maps)]


def _read_map(path: Path, spacing: float, centred: bool) -> Volume:
    try:
        with mrcfile.open(path, permissive=True) as file:
            data, voxel = np.array(file.data, np.float32), float(file.voxel_size.x)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a readable MRC map: {error}") from error
    if data.ndim != 3 or not voxel > 0:
        raise InputError(f"{path} is no 3-D map with a voxel size.", "Write its pixel size.")
    positive = np.clip(data, 0, None)
    inside = positive[positive > 0.2 * positive.max()]
    if inside.size == 0:
        raise InputError(f"{path} holds no density above 0.", "Give maps where dense is positive.")
    positive = _trimmed(positive, centred)
    ratio = voxel / 10 / spacing
    if ratio < 1:
        # What the coarser voxels cannot hold would come back as speckle.
        positive = ndimage.gaussian_filter(positive, 0.4 * np.sqrt(ratio**-2 - 1))
    data = ndimage.zoom(positive, ratio, order=1, grid_mode=True, mode="grid-constant")
    return (PROTEIN * np.clip(data / np.median(inside), 0, 2)).astype(np.float32)


def _trimmed(density: Volume, centred: bool) -> Volume:
    """The box without its empty margins, two voxels left."""
    window = []
    for axis, size in enumerate(density.shape):
        others = tuple(a for a in range(3) if a != axis)
        held = np.flatnonzero(density.max(axis=others) > 0.05 * density.max())
        low, high = max(int(held[0]) - 2, 0), min(int(held[-1]) + 3, size)
        if centred:
            low = min(low, size - high)
            high = size - low
        window.append(slice(low, high))
    return density[tuple(window)]


def turned(density: Volume, rotation: Rotation) -> Volume:
    """The density turned about its middle, in a cube that holds it at any orientation."""
    side = int(np.ceil(np.linalg.norm(density.shape))) // 2 * 2 + 1
    matrix = rotation.as_matrix()
    middle = (np.array(density.shape) - 1) / 2
    # An output voxel comes from the turn's inverse, which is the transpose.
    start = middle - matrix.T @ np.full(3, (side - 1) / 2)
    result = ndimage.affine_transform(density, matrix.T, start, (side,) * 3, order=1)
    return np.asarray(result, np.float32)


def orientations(arrays: Sequence[NDArray[Any]]) -> list[tuple[NDArray[Any], ...]]:
    """The 48 axis permutations and mirrorings, the same of every array, as views."""
    return [
        tuple(array.transpose(order)[flips] for array in arrays)
        for order in permutations(range(3))
        for flips in product((slice(None), slice(None, None, -1)), repeat=3)
    ]

"""OME-Zarr: tomograms written as multiscale volumes, tilt series and volumes read lazily.

Version 0.4 on Zarr 2, which napari, Neuroglancer and the CryoET Data Portal's tools open.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .files.atomic import ensure_folder, output_errors
from .lazy_samples import LazySamples
from .mrc.read import known_pixel_size
from .tomograms.resumable_zarr import BAND, RECORD, ZarrVolume, require_zarr
from .tomograms.zarr_levels import LARGEST_BLOCK

LARGEST_CHUNK = 1 << 32
"""Bytes; a stack of 41 tilts of 4096 × 4096 pixels in one chunk has fewer."""
LONGEST_SIDE = 1 << 20
UNEQUAL = 0.01
"""Share by which sides of a voxel may differ."""
UNITS = {"angstrom": 1.0, "nanometer": 10.0, "micrometer": 1e4}


def write_ome_zarr(
    path: str | Path, volume: Any, *, pixel_size: float | None, name: str = ""
) -> Path:
    """Write a volume as multiscale OME-Zarr; levels halve by the mean of 2 × 2 × 2 voxels.

    Parameters
    ----------
    path : path
        Folder to make, ``NAME.ome.zarr``; it appears when all of it is written.
    volume : array_like
        ``(z, y, x)``, also memory-mapped; written as float32.
    pixel_size : float or None
        Å.
    name : str
        What the volume is called; kept in its attributes.

    Raises
    ------
    InputError
        zarr is not installed.
    OutputError
        The folder exists, or cannot be written; nothing is left behind.
    """
    path = Path(path)
    nz, ny, nx = (int(n) for n in volume.shape)
    writer = ZarrVolume(path, (nz, ny, nx), pixel_size, [name] if name else [])
    rows = max(LARGEST_BLOCK // max(nz * nx, 1) // BAND, 1) * BAND
    ensure_folder(path.parent)
    with output_errors(path), writer:
        for start in range(0, ny, rows):
            slab = volume[:, start : start + rows]
            writer.write_slab(start, np.asarray(slab, np.float32))
    return path


def is_written_here(path: str | Path) -> bool:
    """Whether a folder is an OME-Zarr volume that this program wrote."""
    try:
        attributes = json.loads((Path(path) / ".zattrs").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(attributes, dict) and RECORD in attributes


def open_ome_zarr(path: str | Path, *, volume: bool = False) -> tuple[Any, float | None]:
    """The finest level of an OME-Zarr image, read chunk by chunk, and its pixel size in Å.

    Parameters
    ----------
    path : path
        Of the image.
    volume : bool
        It is no stack of images: its voxels have to be cubes.

    Raises
    ------
    InputError
        As for `open_ome_zarr_levels`, or voxels that are no cubes.
    """
    levels, size = open_ome_zarr_levels(path, volume=volume)
    return levels[0], size


def open_ome_zarr_levels(
    path: str | Path, *, volume: bool = False
) -> tuple[list[Any], float | None]:
    """All levels of an OME-Zarr image, the finest first, and its pixel size in Å.

    Samples with a scale, as this program writes them, become densities when they are read.

    Raises
    ------
    InputError
        zarr is not installed, or the folder is no three-dimensional OME-Zarr image.
    """
    path = Path(path)
    zarr = require_zarr()
    try:
        group = zarr.open_group(path, mode="r")
        attributes = dict(group.attrs)
        scales = (attributes.get("multiscales") or attributes["ome"]["multiscales"])[0]
        levels = [group[dataset["path"]] for dataset in scales["datasets"]]
        ndim = levels[0].ndim
        voxel = _voxel(scales)
    except Exception as error:  # zarr raises many types on damaged stores
        raise InputError(
            f"{path} is not an OME-Zarr image: {str(error)[:150]}.", "Choose another one."
        ) from error
    if ndim != len("zyx"):
        raise InputError(f"{path} is not a stack of images or a volume.", "Choose another one.")
    for level in levels:
        _require_bounded(path, level)
    size = None if voxel is None else known_pixel_size(voxel[-1])
    if size is not None and voxel is not None:
        _require_square(path, voxel if volume else voxel[1:])
    return [_densities(path, level) for level in levels], size


def _densities(path: Path, level: Any) -> LazySamples:
    attributes = level.attrs
    scale, offset = (attributes.get(k, v) for k, v in (("scale_factor", 1.0), ("add_offset", 0.0)))
    return LazySamples(path, level, scale=float(scale), offset=float(offset))


def _require_square(path: Path, voxel: list[float]) -> None:
    if max(voxel) > (1 + UNEQUAL) * min(voxel):
        sides = " × ".join(f"{side:.4g}" for side in voxel)
        raise InputError(
            f"{path}: its voxels of {sides} Å have sides that differ.",
            "Resample it to one pixel size first.",
        )


def _require_bounded(path: Path, array: Any) -> None:
    """Refuse arrays of which one chunk alone would take all memory: a whole one is decoded."""
    chunk = math.prod(array.chunks) * array.dtype.itemsize
    if chunk > LARGEST_CHUNK or max(array.shape) > LONGEST_SIDE:
        sides = " × ".join(map(str, array.shape))
        raise InputError(
            f"{path}: an array of {sides} in chunks of {chunk / 1e9:.3g} GB cannot be read.",
            "Write it again in chunks of a few MB.",
        )


def _voxel(scales: dict[str, Any]) -> list[float] | None:
    """Å along each axis; None where x names no unit. Axes without one have that of x."""
    axes = [axis if isinstance(axis, dict) else {} for axis in scales["axes"]]
    units = [UNITS.get(str(axis.get("unit", "")).lower()) for axis in axes]
    steps = scales["datasets"][0].get("coordinateTransformations", [])
    scale = next((step["scale"] for step in steps if step.get("type") == "scale"), None)
    last = units[-1]
    if last is None or scale is None:
        return None
    return [float(side) * (unit or last) for side, unit in zip(scale, units, strict=True)]

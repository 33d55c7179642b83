"""OME-Zarr: tomograms written as multiscale volumes, tilt series and volumes read lazily.

Version 0.4 on Zarr 2, which napari, Neuroglancer and the CryoET Data Portal's tools open.
"""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, OutputError
from .atomic import check_free_space, ensure_folder, output_errors
from .mrc import known_pixel_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CHUNK = 64
SMALLEST = 64
"""A level whose longest side is not above it is the last."""
LARGEST_BLOCK = 1 << 26
"""Voxels that are held at once."""
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
        For viewers.

    Raises
    ------
    InputError
        zarr is not installed.
    OutputError
        The folder exists, or cannot be written; nothing is left behind.
    """
    path = Path(path)
    zarr = _zarr()
    if path.exists():
        raise OutputError(f"{path} exists already.", "Choose another name, or remove it.")
    ensure_folder(path.parent)
    shape = tuple(int(n) for n in volume.shape)
    check_free_space(path.parent, int(np.prod(shape, dtype=np.int64)) * 5)
    partial = path.with_name(f".{path.name}.part")
    try:
        with output_errors(path):
            shutil.rmtree(partial, ignore_errors=True)
            group = zarr.open_group(partial, mode="w", zarr_format=2)
            levels = _write_levels(group, volume, shape)
            _describe(group, levels, pixel_size, name or path.name)
            partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path


def open_ome_zarr(path: str | Path) -> tuple[Any, float | None]:
    """The finest level of an OME-Zarr image, read chunk by chunk, and its pixel size in Å.

    Raises
    ------
    InputError
        zarr is not installed, or the folder is no three-dimensional OME-Zarr image.
    """
    path = Path(path)
    zarr = _zarr()
    try:
        group = zarr.open_group(path, mode="r")
        attributes = dict(group.attrs)
        scales = (attributes.get("multiscales") or attributes["ome"]["multiscales"])[0]
        array = group[scales["datasets"][0]["path"]]
        size = _pixel_size(scales)
    except Exception as error:  # zarr raises many types on damaged stores
        raise InputError(
            f"{path} is not an OME-Zarr image: {str(error)[:150]}.", "Choose another one."
        ) from error
    if getattr(array, "ndim", 0) != len("zyx"):
        raise InputError(f"{path} is not a stack of images or a volume.", "Choose another one.")
    return array, size


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            "OME-Zarr needs zarr, which is not installed.", "Install napari-lbn[zarr]."
        ) from error
    return zarr


def _write_levels(group: Any, volume: Any, shape: tuple[int, ...]) -> int:
    """Write the volume and its smaller versions; how many there are."""
    finer: Any = volume
    level = 0
    while True:
        array = group.create_array(
            str(level), shape=shape, chunks=tuple(min(CHUNK, n) for n in shape), dtype="float32"
        )
        for block in _blocks(shape):
            if level == 0:
                array[block] = np.asarray(finer[block], np.float32)
            else:
                wider = tuple(slice(2 * b.start, 2 * b.stop) for b in block)
                array[block] = _halved(np.asarray(finer[wider], np.float32))
        level += 1
        if max(shape) <= SMALLEST:
            return level
        finer, shape = array, tuple(-(-n // 2) for n in shape)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Slabs of whole chunks, as many rows as the memory takes."""
    rows = max(LARGEST_BLOCK // (CHUNK * max(shape[2], 1)) // CHUNK, 1) * CHUNK
    starts = product(range(0, shape[0], CHUNK), range(0, shape[1], rows))
    for z, y in starts:
        yield (
            slice(z, min(z + CHUNK, shape[0])),
            slice(y, min(y + rows, shape[1])),
            slice(0, shape[2]),
        )


def _halved(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of 2 × 2 × 2 voxels; an odd last layer counts twice."""
    padded = np.pad(block, [(0, n % 2) for n in block.shape], mode="edge")
    z, y, x = (n // 2 for n in padded.shape)
    means: NDArray[np.float32] = padded.reshape(z, 2, y, 2, x, 2).mean(
        axis=(1, 3, 5), dtype=np.float32
    )
    return means


def _describe(group: Any, levels: int, pixel_size: float | None, name: str) -> None:
    """The metadata of OME-NGFF 0.4: centres of coarser voxels lie between those of finer ones."""
    size = pixel_size or 1.0
    axes: list[dict[str, str]] = [{"name": axis, "type": "space"} for axis in "zyx"]
    if pixel_size is not None:
        axes = [{**axis, "unit": "angstrom"} for axis in axes]
    datasets = []
    for level in range(levels):
        scale, shift = size * 2**level, size * (2**level - 1) / 2
        transformations = [
            {"type": "scale", "scale": [scale] * 3},
            {"type": "translation", "translation": [shift] * 3},
        ]
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    group.attrs["multiscales"] = [
        {"version": "0.4", "name": name, "axes": axes, "datasets": datasets, "type": "mean"}
    ]


def _pixel_size(scales: dict[str, Any]) -> float | None:
    """Å along x, where the axis names a unit."""
    axis = scales["axes"][-1]
    unit = UNITS.get(str(axis.get("unit", "")).lower()) if isinstance(axis, dict) else None
    steps = scales["datasets"][0].get("coordinateTransformations", [])
    scale = next((step["scale"] for step in steps if step.get("type") == "scale"), None)
    if unit is None or scale is None:
        return None
    return known_pixel_size(float(scale[-1]) * unit)

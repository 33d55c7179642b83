"""The levels of a multiscale OME-Zarr volume, and what describes them (OME-NGFF 0.4)."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CHUNKS = (64, 16, 128)
"""Voxels of z, y and x. Tomograms come in slabs of y, so chunks are shortest along it."""
SMALLEST = 64
"""A level whose longest side is not above it is the last."""
LARGEST_BLOCK = 1 << 25
"""Voxels that are held at once."""


def level_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of all levels; each is half as large as the one before, rounded up."""
    shapes = [tuple(int(n) for n in shape)]
    while max(shapes[-1]) > SMALLEST:
        shapes.append(tuple(-(-n // 2) for n in shapes[-1]))
    return shapes


def create_level(group: Any, level: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An empty level, in place of an older one."""
    chunks = tuple(min(c, n) for c, n in zip(CHUNKS, shape, strict=True))
    return group.create_array(
        str(level),
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        # a folder for each layer of chunks, as OME-NGFF wants it
        chunk_key_encoding={"name": "v2", "separator": "/"},
        overwrite=True,
    )


def write_coarser_levels(group: Any) -> int:
    """Make all levels above level 0, which is there; how many there are in all."""
    finer = group["0"]
    shapes = level_shapes(finer.shape)
    for level, shape in enumerate(shapes[1:], 1):
        array = create_level(group, level, shape, finer.dtype)
        for block in _blocks(shape):
            wider = tuple(slice(2 * b.start, 2 * b.stop) for b in block)
            write_samples(array, block, halved(np.asarray(finer[wider])))
        finer = array
    return len(shapes)


def write_samples(array: Any, where: tuple[slice, ...], samples: NDArray[Any]) -> None:
    """Write a part of whole chunks, one after the other.

    Given several, zarr writes them side by side, and after an error, such as a full disk, the
    others go on while the folder is being removed.
    """
    starts = [range(0, n, chunk) for n, chunk in zip(samples.shape, array.chunks, strict=True)]
    for corner in product(*starts):
        inner = tuple(
            slice(at, min(at + chunk, n))
            for at, chunk, n in zip(corner, array.chunks, samples.shape, strict=True)
        )
        outer = tuple(
            slice(part.start + one.start, part.start + one.stop)
            for part, one in zip(where, inner, strict=True)
        )
        array[outer] = samples[inner]


def describe_levels(group: Any, levels: int, pixel_size: float | None, name: str) -> None:
    """The metadata: centres of coarser voxels lie between those of finer ones."""
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


def halved(block: NDArray[Any]) -> NDArray[Any]:
    """Means of 2 × 2 × 2 voxels in the block's own type; an odd last layer counts twice."""
    padded = np.pad(block, [(0, n % 2) for n in block.shape], mode="edge")
    z, y, x = (n // 2 for n in padded.shape)
    means = padded.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5), dtype=np.float32)
    if np.issubdtype(block.dtype, np.integer):
        np.rint(means, out=means)
    return means.astype(block.dtype, copy=False)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Parts of whole chunks, as many rows as the memory takes."""
    depth, band, _ = CHUNKS
    rows = max(LARGEST_BLOCK // (8 * depth * max(shape[2], 1)) // band, 1) * band
    for z, y in product(range(0, shape[0], depth), range(0, shape[1], rows)):
        yield (
            slice(z, min(z + depth, shape[0])),
            slice(y, min(y + rows, shape[1])),
            slice(0, shape[2]),
        )

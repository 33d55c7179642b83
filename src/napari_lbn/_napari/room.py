"""Room for what a correction will bring."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

VOLUME_SHARE = 4
"""One volume may take this part of the memory; a larger one lives in a file."""

LONGEST_LABEL = 30
"""Characters of a tilt series' name in the names of its layers."""


def share_of_one_volume(memory_bound: int | None) -> int:
    """Bytes that one volume may take in memory; there are two, and the run needs some too."""
    if memory_bound is not None:
        return memory_bound // VOLUME_SHARE
    return int(psutil.virtual_memory().available) // VOLUME_SHARE


def allocate(shape: tuple[int, ...], *, in_memory: int | None) -> np.ndarray:
    """Zeros float32, in a temporary file where they would take more than `in_memory` bytes."""
    size = 4 * int(np.prod(shape, dtype=np.int64))
    if in_memory is None or size <= in_memory:
        return np.zeros(shape, np.float32)
    with tempfile.TemporaryFile(prefix="napari-lbn-") as file:  # gone once nothing maps it
        return np.memmap(file, np.float32, "w+", shape=shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Extent:
    """What a correction will bring, known before it begins.

    Attributes
    ----------
    name : str
        Of the tilt series.
    angles, synthesized : ndarray
        Every angle of the result in degrees, ascending, and which of them were not measured.
    tilt_shape : (int, int)
        (y, x) of the tilts, at the working pixel size.
    thickness : int
        z of the tomograms.
    pixel_size : float or None
        Working pixel size, Å.
    """

    name: str
    angles: NDArray[np.float64]
    synthesized: NDArray[np.bool_]
    tilt_shape: tuple[int, int]
    thickness: int
    pixel_size: float | None

    @property
    def label(self) -> str:
        """The name as layers begin with it: their ends, which differ, must stay on the screen."""
        if len(self.name) <= LONGEST_LABEL:
            return self.name
        end = LONGEST_LABEL // 3
        return f"{self.name[: LONGEST_LABEL - end - 1]}…{self.name[-end:]}"


def extent_of(name: str, plan: Any) -> Extent:
    """What a correction with this plan will bring."""
    angles = np.unique(np.concatenate([plan.measured_angles, plan.new_angles]))
    return Extent(
        name=name,
        angles=angles,
        synthesized=~np.isin(angles, plan.measured_angles),
        tilt_shape=plan.image_shape,
        thickness=plan.thickness,
        pixel_size=plan.pixel_size,
    )


def allocate_volume(shape: tuple[int, int, int], *, in_memory: int | None) -> np.ndarray:
    """A volume ``(z, y, x)`` whose slabs of y are contiguous.

    It is filled slab by slab: in the usual order the first slab, however thin, would touch
    every page of the volume, which takes seconds.
    """
    depth, height, width = shape
    return allocate((height, depth, width), in_memory=in_memory).transpose(1, 0, 2)

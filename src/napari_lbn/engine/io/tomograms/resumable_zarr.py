"""A multiscale OME-Zarr volume whose finished slabs survive a kill."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, InternalError, OutputError
from ..files.atomic import put_in_place
from ..mrc.write import RunningStatistics
from .resumable import ResumableWriter
from .zarr_levels import (
    CHUNKS,
    create_level,
    describe_levels,
    write_coarser_levels,
    write_samples,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from numpy.typing import NDArray

    from ..sample_format import SampleFormat

BAND = CHUNKS[1]
"""Rows of a chunk: they go to the disk together, so that no chunk is ever half-written."""
LEVELS_SHARE = 8 / 7
"""All levels over the finest one."""
RECORD = "napari_lbn"
"""Attribute of the group that holds labels, number type and statistics."""


def require_zarr() -> Any:
    """The zarr library.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            "OME-Zarr needs zarr, which is not installed.", "Install napari-lbn[zarr]."
        ) from error
    return zarr


class ZarrVolume(ResumableWriter):
    """Writes a volume as OME-Zarr 0.4 on Zarr 2; see `ResumableWriter`.

    Rows are written in bands of whole chunks; what is beyond the last band waits in memory for
    the slab that follows. Coarser levels are made at the end. Attributes ``scale_factor`` and
    ``add_offset`` of the arrays tell how to get densities from int16 samples.

    Parameters
    ----------
    path : path
        Folder to make, ``NAME.ome.zarr``; it appears when all of it is written.
    shape : tuple of int
        (z, y, x).
    pixel_size : float or None
        Å.
    labels : sequence of str
        What the volume is; kept in its attributes.
    sample, key, keep
        As for `ResumableWriter`.

    Raises
    ------
    InputError
        zarr is not installed.
    OutputError
        The folder exists already, or cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        pixel_size: float | None,
        labels: Sequence[str] = (),
        *,
        sample: SampleFormat | None = None,
        key: dict[str, Any] | None = None,
        keep: bool = False,
    ) -> None:
        super().__init__(path, shape, sample=sample, key=key, keep=keep)
        self._zarr = require_zarr()
        self._pixel_size, self._labels = pixel_size, list(labels)
        self._group: Any = None
        self._waiting: tuple[int, NDArray[np.float32]] | None = None

    def __enter__(self) -> Self:
        if self.path.exists():
            raise OutputError(f"{self.path} exists already.", "Choose another name, or remove it.")
        return super().__enter__()

    def write_slab(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write a slab ``(z, rows, x)``; slabs come in ascending y, each row once."""
        if self._waiting is not None:
            first, rows = self._waiting
            if y_start != first + rows.shape[1]:
                raise InternalError(f"{self.path.name}: rows {y_start} came out of turn.")
            more = BAND - rows.shape[1]
            band = np.concatenate([rows, slab[:, :more]], axis=1)
            self._waiting = None
            self._write_bands(first, band)
            y_start, slab = y_start + more, slab[:, more:]
        if slab.shape[1]:
            self._write_bands(y_start, slab)

    def read_slab(self, y_start: int, y_stop: int) -> NDArray[np.float32]:
        """Densities ``(z, y_stop - y_start, x)`` of rows that were written before."""
        if self._group is None or not self._written[y_start:y_stop].all():
            raise InternalError(
                f"{self.path.name}: rows {y_start} to {y_stop} are not all written yet."
            )
        samples = np.asarray(self._group["0"][:, y_start:y_stop], np.float32)
        return samples * np.float32(self.sample.scale) + np.float32(self.sample.offset)

    def _write_bands(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write what makes up whole bands, and let the rest wait."""
        if y_start % BAND:
            raise InternalError(f"{self.path.name}: rows {y_start} came out of turn.")
        rows = slab.shape[1]
        whole = rows if y_start + rows == self.shape[1] else rows - rows % BAND
        if whole:
            self._write_rows(y_start, slab[:, :whole])
        if whole < rows:
            self._waiting = y_start + whole, slab[:, whole:].copy()

    def _bytes_needed(self) -> int:
        voxels = int(np.prod(self.shape, dtype=np.int64))
        return int(voxels * self.sample.dtype.itemsize * LEVELS_SHARE)

    def _bytes_there(self) -> int:
        return sum(file.stat().st_size for file in self._data.rglob("*") if file.is_file())

    def _open(self, *, fresh: bool) -> None:
        if fresh:
            shutil.rmtree(self._data, ignore_errors=True)
            self._group = self._zarr.open_group(self._data, mode="w", zarr_format=2)
            create_level(self._group, 0, self.shape, self.sample.dtype)
        else:
            self._group = self._zarr.open_group(self._data, mode="r+")

    def _put(self, y_start: int, slab: NDArray[np.float32]) -> tuple[RunningStatistics, int]:
        if self._group is None:
            raise InternalError(f"{self.path.name} is written inside its with block only.")
        array, added, clipped = self._group["0"], RunningStatistics(), 0
        rows, depth = slice(y_start, y_start + slab.shape[1]), CHUNKS[0]
        for z in range(0, self.shape[0], depth):
            samples, beyond = self.sample.encode(slab[z : z + depth])
            clipped += beyond
            added.add(samples.astype(np.float32, copy=False))
            where = slice(z, z + samples.shape[0]), rows, slice(0, samples.shape[2])
            write_samples(array, where, samples)
        if self._keep and hasattr(os, "sync"):
            os.sync()  # many small files: one call for all of them
        return added, clipped

    def _finish(self) -> None:
        levels = write_coarser_levels(self._group)
        describe_levels(self._group, levels, self._pixel_size, self.path.name)
        for level in range(levels):
            self._group[str(level)].attrs.update(
                {"scale_factor": self.sample.scale, "add_offset": self.sample.offset}
            )
        found = self._statistics
        self._group.attrs[RECORD] = {
            "labels": self._labels,
            "samples": self.sample.name,
            "clipped": self.clipped,
            "statistics_of_samples": {
                "minimum": found.minimum,
                "maximum": found.maximum,
                "mean": found.mean,
                "deviation": found.deviation,
            },
        }
        put_in_place(self._data, self.path)

    def _close(self) -> None:
        self._group, self._waiting = None, None

    def _discard(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)

"""Slabs of y inside an MRC volume that is being written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .header import HEADER_BYTES
from .write import VOLUME, RunningStatistics, mrc_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..sample_format import SampleFormat


def volume_bytes(shape: tuple[int, int, int], sample: SampleFormat) -> int:
    """Size of the file."""
    return HEADER_BYTES + int(np.prod(shape, dtype=np.int64)) * sample.dtype.itemsize


@dataclass(frozen=True, kw_only=True, eq=False)
class MrcSlabs:
    """An open volume file, written and read row by row of y.

    Attributes
    ----------
    stream : BinaryIO
        Open for reading and writing.
    shape : tuple of int
        (z, y, x).
    sample : SampleFormat
        Number type of the samples.
    """

    stream: BinaryIO
    shape: tuple[int, int, int]
    sample: SampleFormat

    def write(self, y_start: int, slab: NDArray[np.float32]) -> tuple[RunningStatistics, int]:
        """Write ``(z, rows, x)`` densities; statistics of the samples, and how many were clipped.

        It goes plane by plane, so that copies stay small.
        """
        added, clipped = RunningStatistics(), 0
        for z in range(self.shape[0]):
            samples, beyond = self.sample.encode(slab[z])
            clipped += beyond
            added.add(samples.astype(np.float32, copy=False))
            self._seek(z, y_start)
            self.stream.write(np.ascontiguousarray(samples).data)
        return added, clipped

    def read(self, y_start: int, y_stop: int) -> NDArray[np.generic]:
        """The samples of rows that were written before, ``(z, rows, x)``."""
        slab = np.empty((self.shape[0], y_stop - y_start, self.shape[2]), self.sample.dtype)
        for z in range(self.shape[0]):
            self._seek(z, y_start)
            self.stream.readinto(slab[z])  # type: ignore[attr-defined]
        return slab

    def write_header(
        self, pixel_size: float | None, statistics: RunningStatistics, labels: Sequence[str]
    ) -> None:
        """Write the header, the scale of the samples among its labels."""
        header = mrc_header(
            self.shape,
            space_group=VOLUME,
            mode=self.sample.mode,
            pixel_size=pixel_size,
            statistics=statistics,
            labels=[*labels, *self.sample.labels],
        )
        self.stream.seek(0)
        self.stream.write(header)

    def flush_to_disk(self) -> None:
        """Return when everything is safely on the disk."""
        self.stream.flush()
        os.fsync(self.stream.fileno())

    def _seek(self, z: int, y: int) -> None:
        row_bytes = self.shape[2] * self.sample.dtype.itemsize
        self.stream.seek(HEADER_BYTES + (z * self.shape[1] + y) * row_bytes)

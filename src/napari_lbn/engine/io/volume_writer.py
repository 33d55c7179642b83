"""A tomogram written slab after slab, without ever being held whole."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import InternalError
from .atomic import atomic_path, check_free_space, output_errors
from .mrc_write import HEADER_BYTES, SAMPLE, VOLUME, RunningStatistics, as_samples, write_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray


class VolumeWriter(AbstractContextManager["VolumeWriter"]):
    """Writes a volume as float32 MRC (space group 1), slab after slab of y.

    Use it in a ``with`` block: the file appears under its name at the end of the block, when
    every row was written; any exception removes it.

    Parameters
    ----------
    path : path
        File to write.
    shape : tuple of int
        (z, y, x).
    pixel_size : float or None
        Å.
    labels : sequence of str
        Lines for the header.

    Raises
    ------
    OutputError
        The file cannot be written; nothing is left behind.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        pixel_size: float | None,
        labels: Sequence[str] = (),
    ) -> None:
        self.path = Path(path)
        self.shape = shape
        self._pixel_size = pixel_size
        self._labels = tuple(labels)
        self._statistics = RunningStatistics()
        self._written = np.zeros(shape[1], bool)
        self._atomic = atomic_path(self.path)
        self._stream: BinaryIO | None = None

    def __enter__(self) -> VolumeWriter:
        size = HEADER_BYTES + int(np.prod(self.shape, dtype=np.int64)) * SAMPLE.itemsize
        check_free_space(self.path.parent, size)
        temporary = self._atomic.__enter__()
        with output_errors(self.path):
            self._stream = temporary.open("x+b")
        return self

    def write_slab(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write a slab ``(z, rows, x)`` whose first row is `y_start`; each row is written once."""
        if self._stream is None:
            raise InternalError("A VolumeWriter writes inside its with block only.")
        rows = slab.shape[1]
        data = as_samples(slab, (self.shape[0], rows, self.shape[2]))
        place = slice(y_start, y_start + rows)
        if y_start < 0 or place.stop > self.shape[1] or self._written[place].any():
            raise InternalError(
                f"{self.path.name}: rows {y_start} to {place.stop} lie outside the volume or were "
                "written before."
            )
        row_bytes = self.shape[2] * SAMPLE.itemsize
        with output_errors(self.path):
            for z in range(self.shape[0]):
                self._stream.seek(HEADER_BYTES + (z * self.shape[1] + y_start) * row_bytes)
                self._stream.write(data[z].tobytes())
        self._written[place] = True
        self._statistics.add(data)

    def read_slab(self, y_start: int, y_stop: int) -> NDArray[np.float32]:
        """The slab ``(z, y_stop - y_start, x)`` that was written to these rows before."""
        if self._stream is None or not self._written[y_start:y_stop].all():
            raise InternalError(
                f"{self.path.name}: rows {y_start} to {y_stop} are not all written yet."
            )
        slab = np.empty((self.shape[0], y_stop - y_start, self.shape[2]), SAMPLE)
        row_bytes = self.shape[2] * SAMPLE.itemsize
        with output_errors(self.path):
            for z in range(self.shape[0]):
                self._stream.seek(HEADER_BYTES + (z * self.shape[1] + y_start) * row_bytes)
                self._stream.readinto(slab[z])  # type: ignore[attr-defined]
        return slab

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._finish()
            except BaseException as failure:
                self._close(failure)
                raise
        self._close(error)

    def _finish(self) -> None:
        """Write the header, once every row is there."""
        if not self._written.all():
            missing = int((~self._written).sum())
            raise InternalError(f"{self.path.name}: {missing} rows were never written.")
        assert self._stream is not None
        with output_errors(self.path):
            write_header(
                self._stream, self.shape, VOLUME, self._pixel_size, self._statistics, self._labels
            )
            self._stream.close()

    def _close(self, error: BaseException | None) -> None:
        """Close the file, then rename it, or remove it after an error."""
        if self._stream is not None and not self._stream.closed:
            _close_quietly(self._stream)
        self._stream = None
        try:
            self._atomic.__exit__(None if error is None else type(error), error, None)
        except BaseException as again:
            if again is not error:
                raise


def _close_quietly(stream: BinaryIO) -> None:
    try:
        stream.close()
    except OSError:  # the file is about to be removed
        return

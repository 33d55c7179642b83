"""A tomogram written slab after slab, without ever being held whole."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InternalError
from ..files.atomic import atomic_path, check_free_space, output_errors
from ..mrc.slabs import MrcSlabs, volume_bytes
from ..mrc.write import RunningStatistics
from ..sample_format import SampleFormat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import BinaryIO

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
        self._slabs: MrcSlabs | None = None

    def __enter__(self) -> VolumeWriter:
        sample = SampleFormat()
        check_free_space(self.path.parent, volume_bytes(self.shape, sample))
        temporary = self._atomic.__enter__()
        with output_errors(self.path):
            stream = temporary.open("x+b")
        self._slabs = MrcSlabs(stream=stream, shape=self.shape, sample=sample)
        return self

    def write_slab(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write a slab ``(z, rows, x)`` whose first row is `y_start`; each row is written once."""
        if self._slabs is None:
            raise InternalError("A VolumeWriter writes inside its with block only.")
        place = slice(y_start, y_start + slab.shape[1])
        if slab.shape[::2] != self.shape[::2]:
            raise InternalError(f"{self.path.name}: a slab of {slab.shape} came for {self.shape}.")
        if y_start < 0 or place.stop > self.shape[1] or self._written[place].any():
            raise InternalError(
                f"{self.path.name}: rows {y_start} to {place.stop} lie outside the volume or were "
                "written before."
            )
        with output_errors(self.path):
            added, _ = self._slabs.write(y_start, np.asarray(slab, np.float32))
        self._written[place] = True
        self._statistics.merge(added)

    def read_slab(self, y_start: int, y_stop: int) -> NDArray[np.float32]:
        """The slab ``(z, y_stop - y_start, x)`` that was written to these rows before."""
        if self._slabs is None or not self._written[y_start:y_stop].all():
            raise InternalError(
                f"{self.path.name}: rows {y_start} to {y_stop} are not all written yet."
            )
        with output_errors(self.path):
            return self._slabs.read(y_start, y_stop).astype(np.float32, copy=False)

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
        assert self._slabs is not None
        with output_errors(self.path):
            self._slabs.write_header(self._pixel_size, self._statistics, self._labels)
            self._slabs.stream.close()

    def _close(self, error: BaseException | None) -> None:
        """Close the file, then rename it, or remove it after an error."""
        if self._slabs is not None and not self._slabs.stream.closed:
            _close_quietly(self._slabs.stream)
        self._slabs = None
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

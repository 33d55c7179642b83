"""An MRC volume whose finished slabs survive a kill."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ...errors import InternalError
from ..mrc.slabs import MrcSlabs, volume_bytes
from .resumable import ResumableWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ..mrc.write import RunningStatistics
    from ..sample_format import SampleFormat

BLOCK_BYTES = 512
"""Unit of what a file takes on the disk."""


class ResumableVolume(ResumableWriter):
    """Writes an MRC volume; see `ResumableWriter`.

    Parameters
    ----------
    path : path
        File to write; an older one is replaced at the end.
    shape : tuple of int
        (z, y, x).
    pixel_size : float or None
        Å.
    labels : sequence of str
        Lines for the header.
    sample, key, keep
        As for `ResumableWriter`.

    Raises
    ------
    OutputError
        The file cannot be written, or the disk is too full for it.
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
        self._pixel_size, self._labels = pixel_size, tuple(labels)
        self._slabs: MrcSlabs | None = None

    def write_slab(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write a slab ``(z, rows, x)`` whose first row is `y_start`, each row once."""
        self._write_rows(y_start, slab)

    def _bytes_needed(self) -> int:
        return volume_bytes(self.shape, self.sample)

    def _bytes_there(self) -> int:
        return self._data.stat().st_blocks * BLOCK_BYTES

    def _open(self, *, fresh: bool) -> None:
        if fresh:
            self._data.unlink(missing_ok=True)
        stream = self._data.open("x+b" if fresh else "r+b")
        self._slabs = MrcSlabs(stream=stream, shape=self.shape, sample=self.sample)
        if fresh:
            stream.truncate(self._bytes_needed())

    def _put(self, y_start: int, slab: NDArray[np.float32]) -> tuple[RunningStatistics, int]:
        if self._slabs is None:
            raise InternalError(f"{self.path.name} is written inside its with block only.")
        found = self._slabs.write(y_start, slab)
        if self._keep:
            self._slabs.flush_to_disk()
        return found

    def _finish(self) -> None:
        assert self._slabs is not None
        self._slabs.write_header(self._pixel_size, self._statistics, self._labels)
        self._slabs.stream.close()
        os.replace(self._data, self.path)

    def _close(self) -> None:
        if self._slabs is not None:
            self._slabs.stream.close()
            self._slabs = None

    def _discard(self) -> None:
        self._data.unlink(missing_ok=True)

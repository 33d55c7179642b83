"""A tomogram whose finished slabs survive a kill: data beside the target, and a journal."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..errors import InternalError
from .atomic import check_free_space, output_errors
from .mrc_write import HEADER_BYTES, VOLUME, RunningStatistics, mrc_header
from .sample_format import SampleFormat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray

MODE_BYTES = slice(12, 16)


class ResumableVolume(AbstractContextManager["ResumableVolume"]):
    """Writes an MRC volume slab after slab of y, and goes on where a killed run stopped.

    Data go to ``.NAME.unfinished`` beside the target; a journal ``.NAME.journal`` names
    every slab that is safely on the disk. At the end of the block the file is renamed and
    the journal removed. After an error both stay if `keep` is set, and go if not.

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
    sample : SampleFormat
        Number type of the samples.
    key : dict
        What the tomogram is made from; an unfinished one is only continued if equal.
    keep : bool
        Continue what is unfinished, and leave it behind after an error.

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
        self.path = Path(path)
        self.shape = shape
        self.sample = sample or SampleFormat()
        self.clipped = 0
        self._pixel_size, self._labels = pixel_size, tuple(labels)
        self._key, self._keep = key or {}, keep
        self._data = self.path.with_name(f".{self.path.name}.unfinished")
        self._journal = self.path.with_name(f".{self.path.name}.journal")
        self._statistics = RunningStatistics()
        self._written = np.zeros(shape[1], bool)
        self._stream: BinaryIO | None = None

    def __enter__(self) -> ResumableVolume:
        lines = self._read_journal() if self._keep else []
        size = HEADER_BYTES + int(np.prod(self.shape, dtype=np.int64)) * self.sample.dtype.itemsize
        there = self._data.stat().st_blocks * 512 if lines else 0
        check_free_space(self.path.parent, max(size - there, 0))
        with output_errors(self.path):
            if lines:
                self._stream = self._data.open("r+b")
            else:
                self._data.unlink(missing_ok=True)
                self._stream = self._data.open("x+b")
                self._stream.truncate(size)
                self._journal.write_text(json.dumps(self._whole_key()) + "\n")
        for line in lines:
            self._take(line)
        return self

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Ranges of rows that are not written yet."""
        edges = np.diff(np.concatenate([[True], self._written, [True]]).astype(np.int8))
        starts, stops = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)
        return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]

    def write_slab(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write a slab ``(z, rows, x)`` whose first row is `y_start`, and journal it."""
        rows = slab.shape[1]
        place = slice(y_start, y_start + rows)
        wanted = self.shape[0], rows, self.shape[2]
        if self._stream is None or slab.shape != wanted or self._written[place].any():
            raise InternalError(f"{self.path.name}: rows {y_start} and on cannot be written now.")
        added, clipped = RunningStatistics(), 0
        row_bytes = self.shape[2] * self.sample.dtype.itemsize
        with output_errors(self.path):
            for z in range(self.shape[0]):  # plane by plane, so that copies stay small
                samples, beyond = self.sample.encode(slab[z])
                clipped += beyond
                added.add(samples.astype(np.float32, copy=False))
                self._stream.seek(HEADER_BYTES + (z * self.shape[1] + y_start) * row_bytes)
                self._stream.write(np.ascontiguousarray(samples).data)
            if self._keep:
                self._stream.flush()
                os.fsync(self._stream.fileno())
        line = {"rows": [y_start, y_start + rows], "clipped": clipped, "statistics": asdict(added)}
        if self._keep:
            with output_errors(self.path), self._journal.open("a") as journal:
                journal.write(json.dumps(line) + "\n")
        self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        """Count a slab in that is on the disk."""
        self._written[slice(*line["rows"])] = True
        self.clipped += line["clipped"]
        self._statistics.merge(RunningStatistics(**line["statistics"]))

    def _whole_key(self) -> dict[str, Any]:
        made = {"shape": list(self.shape), "sample": asdict(self.sample), **self._key}
        return dict(json.loads(json.dumps(made, default=str)))

    def _read_journal(self) -> list[dict[str, Any]]:
        """Lines of the slabs of an unfinished run like this one; none if it was another."""
        if not (self._journal.is_file() and self._data.is_file()):
            return []
        lines = []
        for text in self._journal.read_text().splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:  # the line that was being written when the run was killed
                break
        return lines[1:] if lines and lines[0] == self._whole_key() else []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = False
        try:
            if error is None:
                self._finish()
                done = True
        finally:
            if self._stream is not None:
                self._stream.close()
                self._stream = None
            if done or not self._keep:
                self._data.unlink(missing_ok=True)
                self._journal.unlink(missing_ok=True)

    def _finish(self) -> None:
        """Write the header once every row is there, and give the file its name."""
        if self.missing or self._stream is None:
            raise InternalError(f"{self.path.name}: rows {self.missing} were never written.")
        header = bytearray(
            mrc_header(
                self.shape,
                space_group=VOLUME,
                pixel_size=self._pixel_size,
                statistics=self._statistics,
                labels=[*self._labels, *self.sample.labels],
            )
        )
        header[MODE_BYTES] = self.sample.mode.to_bytes(4, "little")
        with output_errors(self.path):
            self._stream.seek(0)
            self._stream.write(header)
            self._stream.close()
            os.replace(self._data, self.path)

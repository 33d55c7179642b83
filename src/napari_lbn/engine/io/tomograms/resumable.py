"""Tomograms whose finished slabs survive a kill: data beside the target, and a journal."""

from __future__ import annotations

import json
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import InternalError
from ..files.atomic import check_free_space, output_errors
from ..mrc.write import RunningStatistics
from ..sample_format import SampleFormat

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray


class ResumableWriter(AbstractContextManager["ResumableWriter"]):
    """Writes a tomogram slab after slab of y, and goes on where a killed run stopped.

    Data go to ``.NAME.unfinished`` beside the target; a journal ``.NAME.journal`` names
    every slab that is safely on the disk. At the end of the block the data are renamed and
    the journal removed. After an error both stay if `keep` is set, and go if not.
    What the data are is up to subclasses.

    Parameters
    ----------
    path : path
        What to write.
    shape : tuple of int
        (z, y, x).
    sample : SampleFormat
        Number type of the samples; float32 by default.
    key : dict
        What the tomogram is made from; an unfinished one is only continued if equal.
    keep : bool
        Continue what is unfinished, and leave it behind after an error.

    Attributes
    ----------
    clipped : int
        Voxels beyond the range of the number type.
    discarded : int
        Rows that an unfinished run of another key had written; they are gone.

    Raises
    ------
    OutputError
        The tomogram cannot be written, or the disk is too full for it.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        *,
        sample: SampleFormat | None = None,
        key: dict[str, Any] | None = None,
        keep: bool = False,
    ) -> None:
        self.path = Path(path)
        self.shape = shape
        self.sample = sample or SampleFormat()
        self.clipped = self.discarded = 0
        self._key, self._keep = key or {}, keep
        self._data = self.path.with_name(f".{self.path.name}.unfinished")
        self._journal = self.path.with_name(f".{self.path.name}.journal")
        self._fresh_journal = self.path.with_name(f".{self.path.name}.journal.new")
        self._statistics = RunningStatistics()
        self._written = np.zeros(shape[1], bool)

    def __enter__(self) -> Self:
        lines = self._read_journal() if self._keep else []
        there = self._bytes_there() if lines else 0
        check_free_space(self.path.parent, max(self._bytes_needed() - there, 0))
        try:
            with output_errors(self.path):
                self._open(fresh=not lines)
                # written anew: behind a line that was cut short nothing could be read
                self._write_journal([self._whole_key(), *lines])
        except BaseException:
            self._leave(keep=bool(lines))
            raise
        for line in lines:
            self._take(line)
        return self

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Ranges of rows that are not written yet."""
        edges = np.diff(np.concatenate([[True], self._written, [True]]).astype(np.int8))
        starts, stops = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)
        return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]

    @abstractmethod
    def write_slab(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write a slab ``(z, rows, x)`` whose first row is `y_start`, each row once."""

    @abstractmethod
    def _bytes_needed(self) -> int:
        """Of the finished tomogram."""

    @abstractmethod
    def _bytes_there(self) -> int:
        """That an unfinished run has on the disk."""

    @abstractmethod
    def _open(self, *, fresh: bool) -> None:
        """Make the unfinished data, or open them."""

    @abstractmethod
    def _put(self, y_start: int, slab: NDArray[np.float32]) -> tuple[RunningStatistics, int]:
        """Write rows to the disk; statistics of the samples, and how many were clipped."""

    @abstractmethod
    def _finish(self) -> None:
        """Complete the data once every row is there, and give them their name."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of the data."""

    @abstractmethod
    def _discard(self) -> None:
        """Remove unfinished data, if any."""

    def _write_rows(self, y_start: int, slab: NDArray[np.float32]) -> None:
        """Write rows to the disk and into the journal."""
        rows = y_start, y_start + slab.shape[1]
        self._require_room(y_start, slab)
        with output_errors(self.path):
            added, clipped = self._put(y_start, slab)
            line = {"rows": rows, "clipped": clipped, "statistics": asdict(added)}
            if self._keep:
                with self._journal.open("a") as journal:
                    journal.write(json.dumps(line) + "\n")
        self._take(line)

    def _require_room(self, y_start: int, slab: NDArray[np.float32]) -> None:
        nz, ny, nx = self.shape
        stop = y_start + slab.shape[1]
        inside = y_start >= 0 and stop <= ny and slab.shape[0] == nz and slab.shape[2] == nx
        if not inside or self._written[y_start:stop].any():
            raise InternalError(
                f"{self.path.name}: rows {y_start} to {stop} lie outside the volume or were "
                "written before."
            )

    def _take(self, line: dict[str, Any]) -> None:
        """Count a slab in that is on the disk."""
        self._written[slice(*line["rows"])] = True
        self.clipped += line["clipped"]
        self._statistics.merge(RunningStatistics(**line["statistics"]))

    def _whole_key(self) -> dict[str, Any]:
        made = {"shape": list(self.shape), "sample": asdict(self.sample), **self._key}
        return dict(json.loads(json.dumps(made, default=str)))

    def _write_journal(self, lines: list[dict[str, Any]]) -> None:
        """All of it or, if killed meanwhile, what was there before."""
        self._fresh_journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self._fresh_journal.replace(self._journal)

    def _read_journal(self) -> list[dict[str, Any]]:
        """Lines of the slabs of an unfinished run like this one; none if it was another."""
        if not (self._journal.is_file() and self._data.exists()):
            return []
        lines = []
        for text in self._journal.read_text().splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:  # the line that was being written when the run was killed
                break
        if lines and lines[0] != self._whole_key():
            rows = [line.get("rows", (0, 0)) for line in lines[1:]]
            self.discarded = sum(stop - start for start, stop in rows)
            return []
        return lines[1:]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = False
        try:
            if error is None:
                if self.missing:
                    missing = int((~self._written).sum())
                    raise InternalError(f"{self.path.name}: {missing} rows were never written.")
                with output_errors(self.path):
                    self._finish()
                done = True
        finally:
            self._leave(keep=self._keep and not done and bool(self._written.any()))

    def _leave(self, *, keep: bool) -> None:
        """Let go of the data, and remove what nobody can go on from."""
        self._close()
        if not keep:
            self._discard()
            for journal in (self._journal, self._fresh_journal):
                journal.unlink(missing_ok=True)

"""One series of a batch: what to do, whether it is done already, and doing it."""

from __future__ import annotations

import glob
import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_lbn.engine.errors import LBNError, OutputError
from napari_lbn.engine.results.files import CorrectionFiles

from ..options import ComputingOptions, ReadingOptions, WedgeOptions

DONE, FAILED = "done", "failed"
BESIDE = ("_TLT.txt", "_alignment.json")
"""What follows a series' name in those of its files, besides a suffix."""


@dataclass(frozen=True, kw_only=True)
class BatchTask:
    """A series and everything that its correction needs; goes to other processes and machines.

    Attributes
    ----------
    series : Path
        Stack, alignment file or folder.
    name : str
        Unique in the batch; starts the names of all files.
    folder : Path
        The series' own; made if absent.
    computing, wedge, reading : options
        As of the command correct.
    alpha : float
        Share of the synthesized part in the corrected tomogram.
    adapt_minutes : float
        Adapt the weights to the series first; 0 takes them as they are.
    check : bool
        Also predict a fifth of the measured tilts, hidden, and compare.
    weights_hash : str
        SHA-256 of the weights.
    threads : int or None
        Of this task; None leaves it to torch.
    """

    series: Path
    name: str
    folder: Path
    computing: ComputingOptions
    wedge: WedgeOptions
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    alpha: float = 1.0
    adapt_minutes: float = 0.0
    check: bool = True
    weights_hash: str = ""
    threads: int | None = None

    def on(self, device: str | None) -> BatchTask:
        """The same on a device; None leaves it as it is."""
        if device is None:
            return self
        return replace(self, computing=replace(self.computing, device=device))

    @property
    def files(self) -> CorrectionFiles:
        """The results."""
        return CorrectionFiles(folder=self.folder, name=self.name)

    @property
    def log(self) -> Path:
        """What happened, with times."""
        return self.folder / f"{self.name}.log"

    @property
    def marker(self) -> Path:
        """Written when all results are; says what they were made with."""
        return self.folder / f"{self.name}_batch.json"

    @property
    def source(self) -> str:
        """The series' file or folder, wherever the batch is started."""
        return str(self.series.resolve())

    @property
    def key(self) -> str:
        """Changes with the input files, the weights and every option that changes results."""
        options = {**asdict(self.computing), **asdict(self.wedge), **asdict(self.reading)}
        for name in ("device", "memory", "weights"):
            options.pop(name, None)
        if not options["mirrored"]:
            del options["mirrored"]  # what was done before there was this option stays done
        facts = [
            self.source,
            _stamp(self.series),
            {name: str(value) for name, value in options.items()},
            [self.alpha, self.check, self.weights_hash],
            *([self.adapt_minutes] if self.adapt_minutes else []),
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def finished_record(task: BatchTask) -> dict[str, Any] | None:
    """What an earlier run wrote about this task; None where it has to be done (again)."""
    record = _marked(task)
    if record.get("status") != DONE or record.get("key") != task.key:
        return None
    return record if all(path.is_file() for path in task.files.all) else None


def require_own_folder(task: BatchTask) -> None:
    """Refuse a folder that holds the results of another series of this name.

    Raises
    ------
    OutputError
    """
    other = _marked(task).get("source", task.source)
    if other != task.source:
        raise OutputError(
            f"{task.folder} holds the results of another series, {other}; they would be replaced "
            f"by those of {task.series}.",
            "Give another --out or, if the series was moved, remove that folder.",
        )


def _marked(task: BatchTask) -> dict[str, Any]:
    """The marker's record; empty where there is none."""
    try:
        record = json.loads(task.marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def remove_leftovers(task: BatchTask) -> None:
    """Remove what a killed run of this task left half-written."""
    for path in task.folder.glob(f".{glob.escape(task.name)}*.part"):
        path.unlink(missing_ok=True)


def _stamp(path: Path) -> list[tuple[str, int, int]]:
    """Sizes and times of the files that belong to a series, wherever they lie."""
    folder = path if path.is_dir() else path.parent
    files = [file for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    if not path.is_dir():
        files = [file for file in files if _belongs(file.name, path)]
    stats = [(file, file.stat()) for file in sorted({*files, *_aligned_images(path)})]
    return [(str(file.resolve()), stat.st_size, stat.st_mtime_ns) for file, stat in stats]


def _belongs(name: str, series: Path) -> bool:
    """Whether a file beside a series is read with it: TS.tlt and tilt.com, not TS_10.mrc."""
    from napari_lbn.engine.io.angles.read import ALIGNED_ENDINGS

    if series.suffix.lower() == ".xf" and name.endswith(".com"):
        return True
    stem = series.stem
    for ending in ALIGNED_ENDINGS:
        stem = stem.removesuffix(ending)
    return name.startswith(stem) and name.removeprefix(stem).startswith(
        (".", *ALIGNED_ENDINGS, *BESIDE)
    )


def _aligned_images(path: Path) -> list[Path]:
    """What an alignment aligns; nothing where it cannot be read, which the task will tell."""
    from napari_lbn.engine.io.alignments import is_alignment, read_alignment

    if not is_alignment(path):
        return []
    try:
        found = read_alignment(path)
    except LBNError:
        return []
    return [*found.images, *([] if found.stack is None else [found.stack])]

"""Trainings of earlier sessions, found again after napari was closed."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_lbn.engine.errors import LBNError, OutputError

if TYPE_CHECKING:
    from napari_lbn.engine.training.folder.summary import RunSummary

log = logging.getLogger(__name__)
APPLICATION = "napari-lbn"
MOST = 20
"""Older trainings are forgotten; their folders stay."""


def data_folder() -> Path:
    """The user's folder for what this program keeps."""
    return Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


class KnownRuns:
    """A list of folders in a small file.

    Parameters
    ----------
    file : Path, optional
        In the user's data folder by default.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    @property
    def file(self) -> Path:
        """Where the list is kept."""
        return data_folder() / "trainings.json" if self._file is None else self._file

    def runs(self) -> list[RunSummary]:
        """Trainings that are still there, the newest first; imports torch."""
        from napari_lbn.engine.training.folder.summary import summarise

        found = []
        for folder in self._read():
            try:
                found.append(summarise(folder))
            except LBNError as error:  # gone or damaged: opening it by hand tells more
                log.info("%s", error)
        return found

    def add(self, folder: Path) -> None:
        """Put a training at the top of the list."""
        chosen = folder.resolve()
        self._write([chosen, *(other for other in self._read() if other != chosen)][:MOST])

    def remove(self, folder: Path) -> None:
        """Forget a training."""
        self._write([other for other in self._read() if other != folder.resolve()])

    def _read(self) -> list[Path]:
        try:
            values = json.loads(self.file.read_text(encoding="utf-8"))
            return [Path(value) for value in values]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read: %s", self.file, error)
            return []

    def _write(self, folders: list[Path]) -> None:
        """Keep the list; that it cannot be kept must not stop a training."""
        from napari_lbn.engine.io import atomic_path, ensure_folder

        try:
            ensure_folder(self.file.parent)
            with atomic_path(self.file) as temporary:
                text = json.dumps([str(folder) for folder in folders], indent=2)
                temporary.write_text(text + "\n", encoding="utf-8")
        except (LBNError, OSError) as error:
            log.warning("%s", error)


def choose_folder(name: str, parent: Path | None, source: Path | None) -> Path:
    """A new folder for a training.

    Parameters
    ----------
    name : str
        Of the tilt series.
    parent : Path or None
        Where the user wants it; None takes the folder of the series.
    source : Path or None
        File of the series. Where its folder cannot be written to, or there is none, the
        training goes to the user's data folder.

    Raises
    ------
    OutputError
        The folder that the user chose cannot be written to.
    """
    stem = "_".join(name.split()) or "tilt_series"
    if parent is not None and not os.access(parent, os.W_OK):
        raise OutputError(f"{parent} cannot be written to.", "Choose another folder.")
    if parent is None and source is not None and os.access(source.parent, os.W_OK):
        parent = source.parent
    if parent is None:
        parent = data_folder() / "trainings"
    for number in range(1, 10_000):
        folder = parent / (f"{stem}_training" + (f"_{number}" if number > 1 else ""))
        if not folder.exists():
            return folder
    raise OutputError(f"{parent} is full of trainings.", "Choose another folder.")

"""Files of an alignment, put in place together, and never over those that are read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ...errors import OutputError
from ..files.atomic import ensure_folder, output_errors
from .writers.imod import COMMAND_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def staged(folder: str | Path, keep: Iterable[Path]) -> Iterator[Path]:
    """A hidden folder; what is written into it is moved into `folder` at the end of the block.

    Parameters
    ----------
    folder : path
        Made if absent.
    keep : iterable of Path
        Files that may be replaced by the same bytes only. So may IMOD's command files, whose
        name does not say what series they are of.

    Raises
    ------
    OutputError
        A file cannot be written, or would replace one that is to stay as it is.
    """
    folder = ensure_folder(folder)
    with output_errors(folder), TemporaryDirectory(prefix=".alignment", dir=folder) as place:
        yield Path(place)
        files = sorted(Path(place).iterdir())
        _require_free(files, folder, {path.resolve() for path in keep})
        for file in files:
            os.replace(file, folder / file.name)


def _require_free(files: list[Path], folder: Path, keep: set[Path]) -> None:
    for file in files:
        target = folder / file.name
        if not target.exists() or target.read_bytes() == file.read_bytes():
            continue
        if target.resolve() in keep:
            raise OutputError(
                f"{target} is an input of this run and would change.", "Choose another folder."
            )
        if target.name in COMMAND_FILES:
            raise OutputError(f"{target} exists already.", "Choose another folder.")

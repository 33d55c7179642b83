"""Names, labels and checks of what commands write."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from napari_lbn.engine.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_lbn.engine.tilt_series import TiltSeries

MRC_SUFFIXES = {".mrc", ".mrcs", ".st", ".ali", ".rec", ".map"}


def require_mrc_name(path: Path) -> None:
    """Refuse a name that says another format than MRC."""
    if path.suffix.lower() not in MRC_SUFFIXES:
        raise OutputError(f"--out: {path.name} does not end in .mrc.", "The output is an MRC file.")


def require_other_files(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Refuse to write over what is being read."""
    taken = {path.resolve() for path in inputs if path is not None}
    for output in outputs:
        if output.resolve() in taken:
            raise OutputError(f"{output} is an input of this run.", "Choose another output.")


@contextmanager
def written_together(folder: Path) -> Iterator[list[Path]]:
    """Keep files together: whatever ends the block early removes those in the list.

    Parameters
    ----------
    folder : Path
        Removed too in that case, if it was made in the block and nothing else is in it.

    Yields
    ------
    list of Path
        Add each file once it is written.
    """
    existed = folder.exists()
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        with suppress(OSError):
            for path in written:
                path.unlink(missing_ok=True)
            if not existed and folder.exists():
                folder.rmdir()
        raise


def label(series: TiltSeries, content: str) -> str:
    """A line for the header: what the file holds, and of which series."""
    inverted = ", tilt angles inverted" if series.inverted else ""
    return f"{content} of {series.name}{inverted}"


def tell_written(paths: Iterable[Path]) -> None:
    """Print the files that were written, one a line, on standard output."""
    for path in paths:
        typer.echo(str(path))

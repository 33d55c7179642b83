"""What a run writes: never over its own inputs, and all of its files or none."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError
from .alignments import is_alignment
from .angles.read import angle_files
from .files.atomic import renamed_together
from .stack import ZARR_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..tilt_series import TiltSeries


def input_files(series: TiltSeries) -> list[Path]:
    """The files that a series was opened from: images, and the alignment or those of its folder."""
    source, alignment = series.source, series.history.get("alignment_file")
    inputs = [] if source is None else [source]
    if alignment is None:
        return inputs
    place = Path(str(alignment))
    files = place.iterdir() if place.is_dir() else [place]
    return [*inputs, *(file for file in files if file == place or is_alignment(file))]


def require_other_files(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Refuse to write over what is being read, and over the angle files beside it.

    Parameters
    ----------
    outputs : iterable of Path
        Files to be written.
    inputs : iterable of Path or None
        Files that are read. ``TS.tlt`` belongs to ``TS.mrc``: a stack saved as ``TS.st``
        would put other angles in its place.

    Raises
    ------
    OutputError
        An output is an input, or a folder that is none of ours.
    """
    given = [path for path in inputs if path is not None]
    taken = {path.resolve() for path in given}
    taken |= {file.resolve() for path in given for file in angle_files(path)}
    for output in outputs:
        if output.resolve() in taken:
            raise OutputError(f"{output} is an input of this run.", "Choose another output.")
        if output.is_dir() and output.suffix.lower() != ZARR_SUFFIX:
            raise OutputError(f"{output} is a folder.", "Remove it, or choose another output.")


@contextmanager
def written_together(folder: Path) -> Iterator[list[Path]]:
    """Keep files together: they appear at the end of the block, or none of them does.

    Older files of these names stay as they were until then, and for good where the block is
    ended early.

    Parameters
    ----------
    folder : Path
        Of the files. Removed where the block is ended early, if it was made in the block and
        nothing else is in it.

    Yields
    ------
    list of Path
        For the files that were written.
    """
    existed = folder.exists()
    try:
        with renamed_together(folder):
            yield []
    except BaseException:
        with suppress(OSError):
            if not existed and folder.exists():
                folder.rmdir()
        raise

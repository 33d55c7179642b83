"""What a run writes: never over its own inputs, and all of its files or none."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..errors import OutputError
from .angles import angle_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


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
        An output is an input.
    """
    given = [path for path in inputs if path is not None]
    taken = {path.resolve() for path in given}
    taken |= {file.resolve() for path in given for file in angle_files(path)}
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

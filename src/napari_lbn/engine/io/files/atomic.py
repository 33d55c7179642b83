"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import OutputError
from .unfinished import orphans, unfinished_name

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SPARE_BYTES = 1 << 20
"""Left free beside what is written, for headers and the file system's own needs."""

_WAITING: ContextVar[tuple[Path, list[tuple[Path, Path]]] | None] = ContextVar(
    "waiting", default=None
)
"""A folder, and its files (temporary, target) that `renamed_together` renames at its end."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it at the end of a ``with`` block.

    Any exception in the block, also a keyboard interrupt, removes the temporary file and
    leaves an older file at `path` as it was. What a killed process had begun of it is removed
    at the start. Inside of `renamed_together` the file is renamed at the end of that block.

    Raises
    ------
    OutputError
        The folder is absent or read-only, or the disk full.
    """
    target = Path(path)
    temporary = unfinished_name(target)
    for orphan in orphans(target):
        _remove(orphan)
    try:
        with output_errors(target):
            yield temporary
            if _waits(temporary, target):
                return
            os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def renamed_together(folder: Path) -> Iterator[None]:
    """Rename the finished files of a folder only at the end of a ``with`` block.

    Any exception in the block removes them all, and older files stay as they were.

    Parameters
    ----------
    folder : Path
        Files of `atomic_path` elsewhere are renamed at once.

    Raises
    ------
    OutputError
        A file cannot be renamed.
    """
    waiting: list[tuple[Path, Path]] = []
    before = _WAITING.get()
    _WAITING.set((folder, waiting))
    try:
        yield
        for temporary, target in waiting:
            with output_errors(target):
                os.replace(temporary, target)
    finally:
        # not reset(): a generator's end may come in another context than its beginning
        _WAITING.set(before)
        for temporary, _ in waiting:
            _remove(temporary)


def put_in_place(finished: Path, target: Path) -> None:
    """Give a finished file or folder its name: now, or at the end of `renamed_together`."""
    temporary = unfinished_name(target)
    os.replace(finished, temporary)
    try:
        if not _waits(temporary, target):
            os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise


def _waits(temporary: Path, target: Path) -> bool:
    """True where `renamed_together` will rename the file."""
    found = _WAITING.get()
    if found is None or target.parent != found[0]:
        return False
    found[1].append((temporary, target))
    return True


@contextmanager
def output_errors(target: str | Path) -> Iterator[None]:
    """Turn the operating system's errors into `OutputError`, naming the file to be written."""
    try:
        yield
    except OSError as error:
        raise _translated(Path(target), error, Path(target).parent) from error


def check_free_space(folder: str | Path, needed: int) -> None:
    """Make sure that a folder exists, can be written to and has room, before any work is done.

    Parameters
    ----------
    folder : path
        Where the output goes.
    needed : int
        Bytes.

    Raises
    ------
    OutputError
        No such folder, a read-only one, or too little free space.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            code = errno.ENOTDIR if folder.exists() else errno.ENOENT
            raise OSError(code, os.strerror(code))
        if not os.access(folder, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _translated(folder, error, folder) from error
    if free < needed + SPARE_BYTES:
        takes = f", and the output takes {needed / 1e9:.3g} GB" if needed else ""
        raise OutputError(
            f"{folder} has {free / 1e9:.3g} GB free{takes}.",
            "Free some space or choose another folder.",
        )


def ensure_folder(folder: str | Path) -> Path:
    """Make a folder and those above it where they are absent.

    Raises
    ------
    OutputError
        It cannot be made, or a file of that name exists.
    """
    folder = Path(folder)
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _translated(target: Path, error: OSError, folder: Path) -> OutputError:
    """What the user can do about an error of the operating system, met in this folder."""
    if error.errno in FULL:
        return OutputError(
            f"{target} cannot be written: the disk is full.",
            "Free some space or choose another folder.",
        )
    if error.errno in READ_ONLY:
        return OutputError(
            f"{target} cannot be written: the folder {folder} is read-only.",
            "Choose another folder, or change its permissions.",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(
            f"{target} cannot be written: a part of its path is a file, not a folder.",
            "Choose another folder.",
        )
    if error.errno == errno.ENOENT:
        return OutputError(
            f"{target} cannot be written: the folder {folder} does not exist.",
            "Make the folder first, or choose another one.",
        )
    return OutputError(f"{target} cannot be written: {error.strerror or error}.")


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:  # never hides the error that led here
        return

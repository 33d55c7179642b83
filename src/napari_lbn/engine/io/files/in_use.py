"""Folders in which one program works at a time."""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ...errors import InputError
from .atomic import ensure_folder, output_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = ".in-use"
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP)
"""What file systems say that know no locks."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other programs out of a folder for the time of a ``with`` block.

    The lock goes with the process, also when it is killed; only then the empty file that
    carries it stays. Where the file system knows no locks, nothing is kept out.

    Parameters
    ----------
    folder : Path
        Made if absent.

    Raises
    ------
    InputError
        Another program, or this one elsewhere, works in it.
    OutputError
        The folder cannot be written.
    """
    ensure_folder(folder)
    # a generator's end may come in another thread than its beginning
    lock = FileLock(folder / NAME, blocking=False, thread_local=False, fallback_to_soft=False)
    with output_errors(folder / NAME):
        _acquire(lock, folder)
    try:
        yield
    finally:
        _remove(folder / NAME)
        lock.release()


def _remove(path: Path) -> None:
    """Before the lock goes: who opens the file now makes a new one."""
    with suppress(OSError):  # Windows removes it with the lock
        path.unlink()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"Another program works in {folder} at this moment.",
            "Wait until it has ended, or choose another folder.",
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise

"""Files that an alignment names by a path from somewhere else: a project's folder, a bucket."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...files.text_input import path_inside

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = 5
"""Folders above a file in which what its paths start from may lie."""


def find_in_project(path: Path, name: str) -> Path | None:
    """A file that `path` names from its project's folder: beside itself or above.

    Raises
    ------
    InputError
        The name is absolute or leads out of the project.
    """
    folder = path.resolve().parent
    for base in [folder, *folder.parents][:LEVELS]:
        file = path_inside(base, name, path)
        if file.exists():
            return file
    return None


def find_copied(path: Path, name: str) -> Path | None:
    """The same where only a part of the project's tree was copied: the front may be missing.

    Raises
    ------
    InputError
        The name is absolute or leads out of the project.
    """
    parts = PurePosixPath(name.strip()).parts
    for start in range(len(parts)):
        found = find_in_project(path, str(PurePosixPath(*parts[start:])))
        if found is not None:
            return found
    return None

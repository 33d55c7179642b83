"""Which series a batch is asked for, and a name for each of them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from napari_lbn.engine.errors import InputError


def series_of(paths: list[Path]) -> list[Path]:
    """The series that are named; RELION's table of tomograms stands for all that it lists.

    Raises
    ------
    InputError
        A table that is damaged or lists what is not there.
    """
    from napari_lbn.engine.io.alignments import is_alignment
    from napari_lbn.engine.io.alignments.readers import listed_series

    found: list[Path] = []
    for path in paths:
        is_table = path.suffix.lower() == ".star" and is_alignment(path)
        found += (listed_series(path) if is_table else []) or [path]
    return found


def series_names(series: list[Path]) -> list[str]:
    """A name for each series: its file's, with its folder's in front where two are alike.

    Raises
    ------
    InputError
        The same series twice.
    """
    resolved = [path.resolve() for path in series]
    twice = next((path for path, n in Counter(resolved).items() if n > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice.", "Name each series once.")
    # A link is named as itself, like in the other commands; only `..` is taken out.
    given = [Path(os.path.abspath(path)) for path in series]
    names = [_in_one_word(path.name if path.is_dir() else path.stem) for path in given]
    depth = 0
    while len(set(names)) < len(names):
        counts = Counter(names)
        names = [
            f"{_in_one_word(path.parents[depth].name)}_{name}" if counts[name] > 1 else name
            for path, name in zip(given, names, strict=True)
        ]
        depth += 1
        if depth >= min(len(path.parents) for path in given):
            raise InputError("Two series have the same name.", "Rename one of them.")
    return names


def _in_one_word(name: str) -> str:
    """Spaces become underscores before names are compared: two folders must never be one."""
    return "_".join(name.split())

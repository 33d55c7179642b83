"""Text files of other programs: bounded, decoded, and never trusted with paths."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from ...errors import InputError

LARGEST_TEXT = 32 << 20
"""Bytes; Warp's XML files of long series with local grids stay below 5 MB."""

MOST_SECTIONS = 100_000


def read_text(
    path: str | Path, what: str, *, limit: int = LARGEST_TEXT, errors: str = "strict"
) -> str:
    """The text of a file.

    Parameters
    ----------
    path : path
        The file.
    what : str
        What it should be, for messages: "IMOD transformation file".
    limit : int
        Bytes; a longer file is refused unread.
    errors : "strict" or "replace"
        What becomes of bytes that are no UTF-8, as SerialEM writes in comments.

    Raises
    ------
    InputError
        The file is absent, too long, or no text.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(f"The {what} {path} does not exist.", "Check the path.")
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(raw) > limit:
        raise InputError(
            f"{path} is longer than {limit >> 20} MB, too long for a {what}.",
            "Choose the right file.",
        )
    try:
        text = raw.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not a text file, so it is no {what}.", "Copy it again."
        ) from error
    if "\0" in text:
        raise InputError(f"{path} is not a text file, so it is no {what}.", "Copy it again.")
    return text


def read_number(text: str, path: Path, what: str) -> float:
    """A finite number.

    Raises
    ------
    InputError
        It is none; the file and what was expected are named.
    """
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{path}: {what} is “{text.strip()[:40]}”, not a number.")
    return value


def parse_sections(text: str, source: str | Path) -> list[int]:
    """Section numbers counted from 1, as in IMOD's lists: ``1,2,39-41``.

    Parameters
    ----------
    text : str
        Parts are separated by commas or spaces.
    source : str or path
        Where the list comes from, for messages.

    Raises
    ------
    InputError
        Not such a list, or an absurdly long one.
    """
    sections: list[int] = []
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        try:
            start, stop = int(first), int(last if dash else first)
        except ValueError:
            raise InputError(
                f"{source}: {part[:40]!r} is no section number.", "Write it like 1,2,39-41."
            ) from None
        if not 1 <= start <= stop <= MOST_SECTIONS:
            raise InputError(
                f"{source}: {part[:40]!r} is no range of sections.",
                "Sections are counted from 1, as in IMOD's EXCLUDELIST.",
            )
        sections += range(start, stop + 1)
    return sections


def path_inside(folder: Path, name: str, source: Path) -> Path:
    """A path that a file names, refused where it leads out of `folder`.

    Raises
    ------
    InputError
        An absolute path, or one with "..": a file that came from elsewhere must not choose
        what is opened here.
    """
    pure = PurePosixPath(name.strip().replace("\\", "/"))
    absolute = pure.is_absolute() or PureWindowsPath(name.strip()).drive
    if absolute or ".." in pure.parts or not pure.parts or "\0" in name:
        raise InputError(
            f"{source} names {name.strip()[:120]!r}, which lies outside of its folder.",
            "On the command line, name the stack yourself, and this file with --alignment.",
        )
    return folder.joinpath(*pure.parts)

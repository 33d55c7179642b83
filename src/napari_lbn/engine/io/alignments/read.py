"""Which package an alignment comes from, and the readers of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from .files import PORTAL_NAME, PORTAL_ROWS
from .readers import read_aretomo, read_imod, read_portal, read_relion, read_warp

if TYPE_CHECKING:
    from collections.abc import Callable

    from .files import AlignmentFiles

READERS: dict[str, Callable[[Path], AlignmentFiles]] = {
    ".xf": read_imod,
    ".edf": read_imod,
    ".com": read_imod,
    ".aln": read_aretomo,
    ".xml": read_warp,
    ".star": read_relion,
    ".json": read_portal,
}
"""Reader by ending."""
FIRST_BYTES = 4096
MARKS = {
    ".xml": b"<TiltSeries",
    ".star": b"_rlnTomo",
    ".aln": b"AreTomo",
    ".com": b"$",
    ".json": PORTAL_ROWS.encode(),
}
SERIES_MARK = b"_rlnTomoYTilt"
"""Of RELION's star file of one tilt series."""
FOLDER_SUFFIXES = (".edf", ".xf", ".aln", ".star", ".xml", ".json")
"""What is looked for in a folder, the surest first."""


def read_alignment(path: str | Path) -> AlignmentFiles:
    """Read the alignment that a package left.

    Parameters
    ----------
    path : path
        IMOD's ``.xf``, ``.edf``, ``newst.com`` or ``tilt.com``, AreTomo's ``.aln``, Warp's
        ``.xml``, RELION 5's ``.star``, the CryoET Data Portal's ``.json``, a folder that holds
        one of them, or the folder of one of the portal's runs.

    Raises
    ------
    InputError
        Nothing of the kind, several of them in a folder, or a damaged file.
    """
    # what absurd numbers of damaged files overflow to, Alignment refuses
    with np.errstate(all="ignore"):
        return _read(Path(path))


def _read(path: Path) -> AlignmentFiles:
    if path.is_dir():
        return _read_folder(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path} is no alignment file.",
            "Give .xf, .edf, newst.com, tilt.com (IMOD), .aln (AreTomo), .xml (Warp), .star "
            "(RELION 5) or .json (CryoET Data Portal).",
        )
    return reader(path)


def is_alignment(path: str | Path) -> bool:
    """True where a file or folder is to be opened through its alignment. Cheap; never raises.

    By the name and the first bytes only; XML and STAR files of other kinds are left alone.
    """
    try:
        return _is_alignment(Path(path))
    except (OSError, ValueError):
        return False


def _is_alignment(path: Path) -> bool:
    if path.is_dir():
        return bool(_found(path))
    suffix = path.suffix.lower()
    if suffix not in READERS or not path.is_file():
        return False
    mark = MARKS.get(suffix)
    if mark is None:
        return True
    return _begins_with(path, mark)


def _read_folder(folder: Path) -> AlignmentFiles:
    found = _found(folder)
    if not found:
        raise InputError(
            f"{folder} holds no alignment of a tilt series.",
            "Give a folder with .xf, .edf, .aln, .star or .xml, or the aligned stack itself.",
        )
    kind = found[0].suffix.lower()
    if kind in (".edf", ".xf"):
        return read_imod(folder)
    same = [file for file in found if file.suffix.lower() == kind]
    # a table that lists series lies beside them
    same = [file for file in same if kind == ".star" and _begins_with(file, SERIES_MARK)] or same
    if len(same) > 1:
        listed = ", ".join(str(file.relative_to(folder)) for file in same[:5])
        raise InputError(f"{folder} holds several alignments: {listed}.", "Choose one of them.")
    return _read(same[0])


def _found(folder: Path) -> list[Path]:
    """Alignments in a folder, those of the surest kind first."""
    of_portal = [folder / PORTAL_NAME, *sorted(folder.glob(f"Alignments/*/{PORTAL_NAME}"))]
    claimed = [file for file in of_portal if _is_alignment(file)]
    if claimed:  # beside it lie the files that the portal was given, without their stack
        return claimed
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in FOLDER_SUFFIXES]
    claimed = [file for file in files if _is_alignment(file)]
    return sorted(claimed, key=lambda file: FOLDER_SUFFIXES.index(file.suffix.lower()))


def _begins_with(file: Path, mark: bytes) -> bool:
    """True where a mark is among the first bytes."""
    with file.open("rb") as stream:
        return mark in stream.read(FIRST_BYTES)

"""What a user points at: a stack, an alignment, an angle file, or a folder that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from .alignments import is_alignment, read_alignment
from .alignments.read import READERS
from .angles.read import MRC_SUFFIXES, angle_files, find_angle_file, read_angles
from .files.text_input import path_inside
from .mdoc.read import describes_frames, image_file
from .stack import TIFF_SUFFIXES, ZARR_SUFFIX, is_stack_of_tilts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MDOC_SUFFIX = ".mdoc"
ANGLE_SUFFIXES = (".tlt", ".rawtlt", MDOC_SUFFIX)
ALIGNED_NAMES = ("_ali.mrc", ".ali", "_ali.st")
ALIGNMENT_SUFFIXES = (".xf", ".aln", ".xml", ".star")
RAW_SUFFIXES = (".mrc", ".st", ".mrcs", ".tif", ".tiff", ".zarr")


def is_tilt_series(path: str | Path) -> bool:
    """True where a path is to be opened as a tilt series. Cheap; never raises.

    A stack is one with angles beside it or in its extended header, or where its header says that
    it is a stack of images. Volumes (space group 1 without angles, ``.rec``, ``…_rec.mrc``) are
    not. Alignments of IMOD, AreTomo, Warp, RELION and the CryoET Data Portal are, angle files
    (``.tlt``, ``.rawtlt``, ``.mdoc``), and folders that hold an alignment or one series.
    """
    from pathlib import Path

    try:
        path = Path(path)
        if is_alignment(path) or _is_angle_file(path):
            return True
        return bool(_series_in(path)) if _is_folder(path) else is_stack_of_tilts(path)
    except Exception:
        return False


def what_is_meant(path: Path) -> tuple[Path, Path | None]:
    """The stack or alignment to open for a path, and the angle file to take where it is one.

    A ``.mdoc`` that is found by the stack's name gives way to refined angles beside it; with
    IMOD's transformations its ``.tlt`` takes the OFFSET of ``tilt.com``.

    Raises
    ------
    InputError
        A folder without a series or with several, an angle file without its stack, or a file of
        an alignment program that is no alignment.
    """
    if is_alignment(path):
        return path, None
    if _is_folder(path):
        return _only_series(path), None
    if _is_angle_file(path):
        stack = _stack_of(path)
        return stack, None if _takes_itself(stack, path) else path
    if path.suffix.lower() in READERS and path.is_file():
        read_alignment(path)  # says why it is none
    return path, None


def alignment_beside(stack: Path) -> Path | None:
    """An alignment that lies beside a stack and moves its images; None where there is none."""
    for suffix in ALIGNMENT_SUFFIXES:
        file = stack.with_suffix(suffix)
        if not is_alignment(file):
            continue
        try:
            found = read_alignment(file)
        except InputError:  # who points at it is told why
            continue
        speaks_of_it = found.stack is not None and found.stack.name == stack.name
        if speaks_of_it and not found.alignment.moves_nothing:
            return file
    return None


def _takes_itself(stack: Path, angles: Path) -> bool:
    """True where a stack or alignment takes an angle file by itself."""
    if stack.suffix.lower() == ".xf":
        return angles.suffix.lower() == ".tlt"
    return angles.suffix.lower() == MDOC_SUFFIX and angles in angle_files(stack)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and path.suffix.lower() != ZARR_SUFFIX


def _is_angle_file(path: Path) -> bool:
    return path.suffix.lower() in ANGLE_SUFFIXES and path.is_file()


def _only_series(folder: Path) -> Path:
    found = _series_in(folder)
    aligned = [file for file in found if file.name.endswith(ALIGNED_NAMES)]
    if len(found) == 1 or len(aligned) == 1:
        return (aligned or found)[0]
    if found:
        listed = ", ".join(file.name for file in found[:5])
        raise InputError(f"{folder} holds several tilt series: {listed}.", "Choose one of them.")
    read_alignment(folder)  # says that there is none
    return folder


def _series_in(folder: Path) -> list[Path]:
    """Stacks of a folder whose angles lie beside them."""
    suffixes = (*MRC_SUFFIXES, *TIFF_SUFFIXES, ZARR_SUFFIX)
    stacks = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in suffixes]
    return [file for file in stacks if find_angle_file(file) and is_stack_of_tilts(file)]


def _stack_of(angles: Path) -> Path:
    """The stack, or its alignment, that an angle file belongs to."""
    candidates = list(_candidates(angles))
    found = next((file for file in candidates if file.exists()), None)
    if found is None:
        read_angles(angles)  # says where it is no list of angles, but a montage's
        if angles.suffix.lower() == MDOC_SUFFIX and describes_frames(angles):
            raise InputError(
                f"{angles} describes movie frames, not a stack of tilts.",
                "Give the stack that was made of them, or its own .mdoc.",
            )
        name = next(file.name for file in candidates if file.suffix.lower() in RAW_SUFFIXES)
        raise InputError(
            f"{angles} holds tilt angles, but its stack {name} is not beside it.",
            "Put it there, or name the stack and give this file with --tilt-angles.",
        )
    return found


def _candidates(angles: Path) -> Iterator[Path]:
    """Where the stack of an angle file may be, the aligned one first where it is refined."""
    folder, stem = angles.parent, angles.stem
    if (folder / stem).suffix.lower() in RAW_SUFFIXES:  # TS.mrc.mdoc
        yield folder / stem
    if angles.suffix.lower() == ".tlt":
        yield from (folder / f"{stem}{ending}" for ending in ALIGNED_NAMES)
        yield folder / f"{stem}.xf"
    yield from (folder / f"{stem}{suffix}" for suffix in RAW_SUFFIXES)
    named = image_file(angles) if angles.suffix.lower() == MDOC_SUFFIX else None
    if named is not None:
        yield path_inside(folder, named, angles)

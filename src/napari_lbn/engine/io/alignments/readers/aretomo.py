"""AreTomo's ``.aln``: global alignment and dark frames; local alignment is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...files.text_input import read_text
from ..files import AlignmentFiles
from .aretomo_damage import what_is_wrong

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STACK_SUFFIXES = (".mrc", ".st", ".mrcs")
MOST_SECTIONS = 100_000
LATER_ENTRIES = ("NumPatches", "AlphaOffset", "BetaOffset")


def read_aretomo(path: Path) -> AlignmentFiles:
    """Read an ``.aln`` file.

    AreTomo maps an aligned point to ``raw = R(ROT) aligned + (TX, TY)`` in pixels (its source,
    CSaveXF), so that the rotation is -ROT. Tilt angles of the rows hold the tilt offset already.

    Raises
    ------
    InputError
        The file is damaged, or its rows and dark frames do not make up the raw stack.
    """
    data = _parse(path)
    frames = data.DarkFrames
    table = np.array([list(row) for row in data.GlobalAlignments], dtype=np.float64)
    aligned, dark = _sections(path, table[:, 0].astype(np.int64), frames, int(data.RawSize[2]))
    order = np.argsort(np.concatenate([aligned, dark]))
    blank = np.zeros(len(dark))
    rotations = np.concatenate([-table[:, 1], blank - float(np.median(table[:, 1]))])
    offsets = np.concatenate([table[:, 3:5], np.zeros((len(dark), 2))])
    angles = np.concatenate([table[:, 9], [frame.angle + data.AlphaOffset for frame in frames]])
    alignment = Alignment(
        angles=angles[order],
        rotations=rotations[order],
        magnifications=np.concatenate([table[:, 2], blank + 1])[order],
        shifts=shifts_from_raw_offsets(rotations, offsets)[order],
        sections=np.concatenate([aligned, dark])[order].astype(np.intp),
        excluded=frozenset(int(i) for i in np.flatnonzero(order >= len(aligned))),
        in_pixels=True,
        source=path.name,
        notes=tuple(_notes(path, data)),
    )
    candidates = [path.with_suffix(suffix) for suffix in STACK_SUFFIXES]
    stack = next((file for file in candidates if file.is_file()), None)
    return AlignmentFiles(alignment=alignment, stack=stack)


def _parse(path: Path) -> Any:
    """The file as alnfile reads it; whatever it raises on damaged files names the file."""
    from alnfile.data_model import AlnData

    text = read_text(path, "AreTomo alignment")
    try:
        data = AlnData.from_string(_with_all_entries(text))
    except Exception as error:  # index, value and pydantic's own errors
        reason = what_is_wrong(text)
        raise InputError(
            f"{path} is not a whole AreTomo alignment: {reason}.",
            "Copy the file again, or align the series again.",
        ) from error
    if not data.GlobalAlignments:
        raise InputError(f"{path} aligns no image.", "Align the series again.")
    if not 1 <= data.RawSize[2] <= MOST_SECTIONS:
        raise InputError(f"{path}: a raw stack of {data.RawSize[2]} images cannot be.")
    return data


def _with_all_entries(text: str) -> str:
    """The text with the entries that versions before AreTomo 3 do not write."""
    absent = [name for name in LATER_ENTRIES if f"# {name}" not in text]
    return "".join(f"# {name} = 0\n" for name in absent) + text


def _sections(
    path: Path, named: NDArray[np.int64], frames: list[Any], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sections of the raw stack, 0 first: of each row, and of each dark frame.

    A dark frame is written with its rank among the angles, 0 first, and its section. Versions
    count sections from 0 or 1, some those of the rows over what is left of the stack; the
    portal's library writes neither section nor angle of dark frames.
    """
    if len(np.unique(named)) != len(named):
        raise InputError(f"{path} names a section twice.", "Align the series again.")
    ranks = np.array([frame.section_idx for frame in frames], dtype=np.int64)
    written = np.array([frame.val2 for frame in frames], dtype=np.int64)
    every = np.arange(count)
    by_rank = [(named, ranks), (named - 1, ranks)]
    by_section = [(named, written), (named - 1, written - 1)]
    known = any(frame.val2 or frame.angle for frame in frames)
    for rows, dark in (by_section + by_rank) if known else by_rank:
        if np.array_equal(np.sort(np.concatenate([rows, dark])), every):
            return rows, dark
    left = np.setdiff1d(every, ranks)
    place = named - named.min()
    if len(left) == len(named) == count - len(ranks) and place.max() == len(left) - 1:
        return left[place], ranks
    raise InputError(
        f"{path} aligns {len(named)} images and leaves out {len(frames)}, but the raw stack has "
        f"{count}.",
        "The file is not whole; align the series again.",
    )


def _notes(path: Path, data: Any) -> list[str]:
    notes = []
    if data.NumPatches and data.LocalAlignments:
        notes.append(
            f"{path.name}: the local alignment ({data.NumPatches} patches) is not applied, only "
            "the global one."
        )
    if abs(data.BetaOffset) > 1e-3:
        notes.append(f"{path.name}: BetaOffset {data.BetaOffset:g}° (a turn about x) is not used.")
    return notes

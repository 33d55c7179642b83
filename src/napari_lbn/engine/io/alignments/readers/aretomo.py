"""AreTomo's ``.aln``: global alignment and dark frames; local alignment is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...text_input import read_text
from ..files import AlignmentFiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STACK_SUFFIXES = (".mrc", ".st", ".mrcs")
MOST_SECTIONS = 100_000


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
    rows = data.GlobalAlignments
    count, dark = int(data.RawSize[2]), {frame.section_idx: frame for frame in data.DarkFrames}
    table = np.array([list(row) for row in rows], dtype=np.float64)
    aligned = _sections(path, table[:, 0].astype(np.int64), set(dark), count)
    order = np.argsort(np.concatenate([aligned, sorted(dark)]))
    axis = float(np.median(table[:, 1]))
    blank = np.zeros(len(dark))
    rotations = np.concatenate([-table[:, 1], np.full(len(dark), -axis)])
    offsets = np.concatenate([table[:, 3:5], np.zeros((len(dark), 2))])
    magnifications = np.concatenate([table[:, 2], blank + 1])[order]
    angles = np.concatenate([table[:, 9], [dark[i].angle + data.AlphaOffset for i in sorted(dark)]])
    excluded = np.flatnonzero(order >= len(rows))
    alignment = Alignment(
        angles=angles[order],
        rotations=rotations[order],
        magnifications=magnifications,
        shifts=shifts_from_raw_offsets(rotations, offsets)[order],
        sections=np.concatenate([aligned, sorted(dark)])[order].astype(np.intp),
        excluded=frozenset(int(i) for i in excluded),
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
        data = AlnData.from_string(text)
    except Exception as error:  # index, value and pydantic's own errors
        reason = " ".join(str(error).split())[:150]
        raise InputError(
            f"{path} is not a whole AreTomo alignment: {reason}.", "Align the series again."
        ) from error
    if not data.GlobalAlignments:
        raise InputError(f"{path} aligns no image.", "Align the series again.")
    if not 1 <= data.RawSize[2] <= MOST_SECTIONS:
        raise InputError(f"{path}: a raw stack of {data.RawSize[2]} images cannot be.")
    return data


def _sections(
    path: Path, named: NDArray[np.int64], dark: set[int], count: int
) -> NDArray[np.int64]:
    """Section of the raw stack of each row, 0 first.

    Versions of AreTomo count SEC from 0 or 1, over the raw stack or over what is left of it.
    """
    kept = np.array([i for i in range(count) if i not in dark])
    ranks = named - named.min()
    if len(kept) == len(named):
        if len(np.unique(named)) != len(named):
            raise InputError(f"{path} names a section twice.", "Align the series again.")
        first = np.setdiff1d(named, kept).size
        if first == 0:
            return named
        if np.setdiff1d(named - 1, kept).size == 0:
            return named - 1
        if ranks.max() == len(kept) - 1:
            return kept[ranks]
    raise InputError(
        f"{path} aligns {len(named)} images and leaves out {len(dark)}, but the raw stack has "
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

"""IMOD's files of an alignment: ``.xf``, ``.tlt``, ``newst.com`` and ``tilt.com``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...files.text_output import write_text, write_tilt_angles

if TYPE_CHECKING:
    from pathlib import Path

    from ....alignment.model import Alignment
    from ..files import StackFacts

COMMAND_FILES = ("newst.com", "tilt.com")


def write_imod(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; shifts become pixels of the raw stack."""
    newst, tilt_com = (folder / command for command in COMMAND_FILES)
    lines = []
    for tilt in range(alignment.n_tilts):
        (a11, a12), (a21, a22) = alignment.matrix(tilt)
        x, y = alignment.shifts[tilt] / stack.pixel_size
        lines.append(f"{a11:12.7f}{a12:12.7f}{a21:12.7f}{a22:12.7f}{x:12.4f}{y:12.4f}\n")
    files = [write_text(folder / f"{name}.xf", "".join(lines))]
    files.append(write_tilt_angles(folder / f"{name}.tlt", alignment.angles))
    files.append(write_text(newst, _newst(alignment, name, stack)))
    files.append(write_text(tilt_com, _tilt(alignment, name, stack)))
    return files


def _newst(alignment: Alignment, name: str, stack: StackFacts) -> str:
    lines = [
        "$newstack -StandardInput",
        f"InputFile {stack.name}",
        f"OutputFile {name}_ali.mrc",
        f"TransformFile {name}.xf",
        "TaperAtFill 1,1",
    ]
    if alignment.aligned_shape is not None:
        rows, columns = alignment.aligned_shape
        lines.append(f"SizeToOutputInXandY {columns},{rows}")
    if alignment.binning != 1:
        lines += ["AntialiasFilter -1", f"BinByFactor {alignment.binning:g}"]
    return "\n".join(lines) + "\n"


def _tilt(alignment: Alignment, name: str, stack: StackFacts) -> str:
    lines = [
        "$tilt -StandardInput",
        f"InputProjections {stack.name if alignment.moves_nothing else f'{name}_ali.mrc'}",
        f"OutputFile {name}_rec.mrc",
        f"TILTFILE {name}.tlt",
        f"THICKNESS {stack.thickness}",
    ]
    if alignment.binning != 1:
        lines.append(f"IMAGEBINNED {alignment.binning:g}")
    if alignment.excluded:
        listed = ",".join(str(int(alignment.sections[i]) + 1) for i in sorted(alignment.excluded))
        lines.append(f"EXCLUDELIST {listed}")
    return "\n".join(lines) + "\n"

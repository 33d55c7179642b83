"""`napari-lbn convert`: the alignment of a series in the form of another package."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import OUTPUT, SeriesOptions
from .output import input_files, require_other_files, tell_written
from .progress import note
from .series import open_series

if TYPE_CHECKING:
    from napari_lbn.engine.tilt_series import TiltSeries


class PackageName(StrEnum):
    """Packages as `napari_lbn.engine.io.alignments` names them."""

    IMOD = "imod"
    ARETOMO = "aretomo"
    RELION = "relion"
    WARP = "warp"
    PORTAL = "portal"


ToOption = Annotated[
    PackageName | None,
    typer.Option(
        "--to",
        help="Whose files to write: .xf, .tlt, newst.com and tilt.com; .aln; .star; .xml; .json.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        help="Folder for the files; made if absent.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
StackOption = Annotated[
    bool,
    typer.Option(
        "--align",
        help="Write the aligned stack NAME_ali.mrc and its .tlt instead, excluded tilts left out.",
        rich_help_panel=OUTPUT,
    ),
]


def convert(
    series: SeriesOptions, out: OutOption, to: ToOption = None, align: StackOption = False
) -> None:
    """Write the alignment of a tilt series for another package, or the aligned stack.

    An aligned stack (NAME_lbn.mrc of the command correct) gets files that refer to it as it is.
    What a format cannot carry is told.
    """
    from napari_lbn.engine.errors import InputError

    opened = open_series(series)
    if align == (to is not None):
        raise InputError("Which output?", "Give --to PACKAGE or --align.")
    for warning in opened.history.get("warnings", ()):
        note(warning)
    if to is None:
        tell_written(_write_aligned(opened, out))
        return
    from napari_lbn.engine.io.alignments import write_series_alignment

    written = write_series_alignment(opened, out, package=to.value)
    for told in written.told:
        note(told)
    tell_written(written.files)


def _write_aligned(opened: TiltSeries, folder: Path) -> list[Path]:
    """The aligned stack and its angles, both or none."""
    from napari_lbn.engine.io import ensure_folder, write_stack, write_tilt_angles
    from napari_lbn.engine.provenance import header_line

    from .output import written_together

    name = "_".join(opened.name.split())
    stack, angles = (folder / f"{name}_ali{suffix}" for suffix in (".mrc", ".tlt"))
    require_other_files([stack, angles], input_files(opened))
    with written_together(folder) as written:
        ensure_folder(folder)
        written.append(
            write_stack(
                stack,
                (opened.read([tilt])[0] for tilt in opened.included),
                n=opened.included.size,
                shape=opened.image_shape,
                pixel_size=opened.pixel_size,
                labels=[header_line(opened, "Aligned tilts")],
            )
        )
        written.append(write_tilt_angles(angles, opened.included_angles))
    return [stack, angles]

"""Alignments in the form of each package; what a form cannot carry is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...alignment.completed import alignment_of, complete
from ...alignment.images import AlignedImages
from ...errors import InputError
from ..angles.read import angle_files
from .files import StackFacts, WrittenAlignment
from .read import is_alignment
from .staging import staged
from .writers import write_aretomo, write_imod, write_portal, write_relion, write_warp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...alignment.model import Alignment
    from ...tilt_series import TiltSeries
    from .files import Package

SMALL = 1e-6
REMARKS = {
    "imod": "imod: THICKNESS in tilt.com is that of 200 nm; the specimen's own is not known here.",
    "relion": "relion: 300 kV, a spherical aberration of 2.7 mm, an amplitude contrast of 0.1, "
    "hand −1 and a tomogram of 200 nm are assumed in the table of tomograms, and unknown doses are "
    "0: put in yours. Paths start at RELION's project: put the stack and both .star files there.",
    "warp": "warp: angles keep their sign, by which Warp's own tomogram is mirrored in z against "
    "this program's; --invert-tilt-angles writes the other one. Warp takes each tilt from a file "
    "of its own: split the stack, and name its images in MoviePath.",
}
"""What to know besides."""


def write_alignment(
    alignment: Alignment,
    folder: str | Path,
    name: str,
    *,
    package: Package,
    stack: StackFacts,
    keep: Iterable[Path] = (),
) -> WrittenAlignment:
    """Write an alignment with shifts in Å for a package: all of its files, or none.

    Parameters
    ----------
    alignment : Alignment
        What to write.
    folder : path
        Made if absent.
    name : str
        Of the series; starts the files' names.
    package : "imod", "aretomo", "relion", "warp" or "portal"
        Whose files to write.
    stack : StackFacts
        The raw images that the alignment speaks of.
    keep : iterable of Path
        Files that are being read, and are not to change.

    Raises
    ------
    OutputError
        A file cannot be written, would change one that is read, or is a command file of IMOD
        that is there already.
    """
    if alignment.in_pixels:
        raise InputError(f"{alignment.source}: shifts are in pixels of unknown size.")
    whole, told = complete(alignment, stack.shape[0])
    writers = {
        "imod": write_imod,
        "aretomo": write_aretomo,
        "relion": write_relion,
        "warp": write_warp,
        "portal": write_portal,
    }
    with staged(folder, keep) as place:
        files = writers[package](whole, place, name, stack)
    placed = tuple(Path(folder) / file.name for file in files)
    return WrittenAlignment(files=placed, told=(*told, *not_carried(whole, package)))


def write_series_alignment(
    series: TiltSeries, folder: str | Path, *, package: Package
) -> WrittenAlignment:
    """Write the alignment of a series; that of an aligned stack says that nothing is to be done.

    Raises
    ------
    InputError
        The pixel size is unknown and the package's files need it.
    OutputError
        A file cannot be written.
    """
    images = series.images
    is_raw = isinstance(images, AlignedImages)
    size = images.raw_pixel_size if is_raw else series.pixel_size
    if series.pixel_size is None:
        raise InputError(
            f"{series.name}: the pixel size is unknown.",
            "Give it in Å (--pixel-size, or in the dock).",
        )
    source = series.source
    in_stack = source is not None and not is_alignment(source)  # or single files, RELION's way
    facts = StackFacts(
        name=source.name if source is not None and in_stack else f"{series.name}.mrc",
        shape=images.raw_shape if is_raw else (images.shape[0], *series.image_shape),
        pixel_size=float(size or series.pixel_size),
    )
    name = "_".join(series.name.split())
    alignment = alignment_of(series)
    if is_raw and package == "imod":  # newst would keep the raw size, with the axis lying
        alignment = replace(alignment, aligned_shape=series.image_shape)
    keep = _inputs(series)
    written = write_alignment(alignment, folder, name, package=package, stack=facts, keep=keep)
    if in_stack or source is None:
        told = _where_the_stack_is(facts, Path(folder), source)
    else:
        told = [f"The images are single files; make a stack {facts.name} of them, in this order."]
    return replace(written, told=(*written.told, *told))


def _inputs(series: TiltSeries) -> list[Path]:
    """The files that a series was opened from."""
    source, alignment = series.source, series.history.get("alignment_file")
    inputs = [] if source is None else [source, *angle_files(source)]
    if alignment is None:
        return inputs
    place = Path(str(alignment))
    return [*inputs, *(place.iterdir() if place.is_dir() else [place])]


def _where_the_stack_is(stack: StackFacts, folder: Path, source: Path | None) -> list[str]:
    """What to do where the files do not lie beside the stack that they name."""
    if source is None or (folder / stack.name).exists():
        return []
    return [f"The files speak of {stack.name}: put it, or a link to it, into {folder}."]


def not_carried(alignment: Alignment, package: Package) -> list[str]:
    """What the files of a package have no place for."""
    told = []
    scale = alignment.magnifications
    scaled = scale is not None and float(np.abs(scale - 1).max()) > SMALL
    if scaled and package in ("relion", "warp", "portal"):
        told.append(f"{package}: magnifications of single tilts are not carried.")
    if alignment.dose is not None and package in ("imod", "aretomo", "portal"):
        told.append(f"{package}: the dose of each tilt is not carried.")
    elif alignment.order is not None and alignment.dose is None:
        told.append(f"{package}: the order of acquisition is not carried.")
    if alignment.excluded and package == "aretomo":
        told.append("aretomo: excluded tilts keep their angle, not their rotation and shift.")
    if alignment.excluded and package in ("relion", "portal"):
        told.append(f"{package}: excluded tilts are left out of the table.")
    if package != "imod" and alignment.binning != 1:
        told.append(f"{package}: the binning of the aligned images is not carried.")
    if package != "imod" and alignment.aligned_shape is not None:
        told.append(f"{package}: the size of the aligned images is not carried.")
    if package in REMARKS:
        told.append(REMARKS[package])
    return told

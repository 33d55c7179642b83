"""RELION 5's tilt-series ``.star`` files, and the table of tomograms that lists them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...files.text_input import read_number
from ...mdoc.read import acquisition_order
from ..files import AlignmentFiles
from .nearby import find_in_project
from .star import read_star

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .star import Tables

ALIGNED = ("rlnTomoYTilt", "rlnTomoZRot", "rlnTomoXShiftAngst", "rlnTomoYShiftAngst")
NOMINAL = "rlnTomoNominalStageTiltAngle"
IMAGE_NAMES = ("rlnTomoTiltSeriesName", "rlnMicrographName")
SERIES_FILE = "rlnTomoTiltSeriesStarFile"
FORMATS = ("mrc", "mrcs")
SMALL = 0.1


def read_relion(path: Path) -> AlignmentFiles:
    """Read a tilt-series ``.star``, or a table of tomograms that lists one.

    RELION maps an aligned point to ``raw = R(ZRot) aligned + (XShift, YShift)`` in Å, so that
    the rotation is -ZRot.

    Raises
    ------
    InputError
        No aligned tilt series, several of them, or a damaged file.
    """
    tables = read_star(path)
    table = next((t for t in tables.values() if all(name in t for name in ALIGNED)), None)
    if table is None:
        listed = _listed(path, tables)
        if listed is not None:
            return listed
        raise _not_aligned(path, tables)
    count = len(table[ALIGNED[0]])
    column = {name: _numbers(path, table, name) for name in ALIGNED}
    rotations = -column["rlnTomoZRot"]
    offsets = np.stack([column["rlnTomoXShiftAngst"], column["rlnTomoYShiftAngst"]], axis=1)
    dose = None
    if "rlnMicrographPreExposure" in table:
        written = _numbers(path, table, "rlnMicrographPreExposure")
        dose = written if written.any() else None  # RELION wants a column in any case
    sections, stack, images = _images(path, table, count)
    alignment = Alignment(
        angles=column["rlnTomoYTilt"],
        rotations=rotations,
        shifts=shifts_from_raw_offsets(rotations, offsets),
        sections=sections,
        order=None
        if dose is None or len(np.unique(dose)) < count
        else acquisition_order(list(dose)),
        dose=dose,
        pixel_size=_pixel_size(path, tables),
        source=path.name,
        notes=tuple(_notes(path, table)),
    )
    name = path.stem if images else None
    return AlignmentFiles(alignment=alignment, stack=stack, images=images, name=name)


def _numbers(path: Path, table: dict[str, list[str]], name: str) -> NDArray[np.float64]:
    return np.array([read_number(value, path, name) for value in table[name]], dtype=np.float64)


def _not_aligned(path: Path, tables: Tables) -> InputError:
    labels = {name for table in tables.values() for name in table}
    if "rlnTomoProjX" in labels:
        return InputError(
            f"{path} holds projection matrices, the form of RELION 4.",
            "Import the alignment into RELION 5, or give the alignment program's own files.",
        )
    if NOMINAL in labels:
        return InputError(
            f"{path} lists tilt images that are not aligned yet.",
            "Run RELION's tilt-series alignment first.",
        )
    return InputError(
        f"{path} holds no tilt series of RELION 5 (no {ALIGNED[0]}).", "Choose another file."
    )


def listed_series(path: Path) -> list[Path]:
    """The tilt series that a table of tomograms lists; none where `path` is no such table.

    Raises
    ------
    InputError
        A damaged file, or one that lists what is not there.
    """
    table = _table_of_series(read_star(path))
    return [] if table is None else [_series_file(path, name) for name in table[SERIES_FILE]]


def _table_of_series(tables: Tables) -> dict[str, list[str]] | None:
    return next((table for table in tables.values() if SERIES_FILE in table), None)


def _series_file(path: Path, name: str) -> Path:
    file = find_in_project(path, name)
    if file is None:
        raise InputError(
            f"{path} lists {name}, which is not there.", "Keep RELION's folders together."
        )
    if file.resolve() == path.resolve():
        raise InputError(f"{path} lists itself.", "Choose the .star of a tilt series.")
    return file


def _listed(path: Path, tables: Tables) -> AlignmentFiles | None:
    """The one tilt series that a table of tomograms lists, with what the table says of it."""
    table = _table_of_series(tables)
    if table is None:
        return None
    names = table[SERIES_FILE]
    if len(names) != 1:
        listed = ", ".join(names[:5])
        raise InputError(
            f"{path} lists {len(names)} tilt series: {listed}.",
            "Choose the .star of one; batch takes the whole table.",
        )
    found = read_relion(_series_file(path, names[0]))
    pixel_size = found.alignment.pixel_size or _pixel_size(path, tables)
    return replace(found, alignment=replace(found.alignment, pixel_size=pixel_size))


def _images(
    path: Path, table: dict[str, list[str]], count: int
) -> tuple[NDArray[np.intp], Path | None, tuple[Path, ...]]:
    """Sections and stack, or single images, that the rows name (``000001@stack.mrcs``)."""
    for label in IMAGE_NAMES:
        names = [_without_format(name) for name in table.get(label, [])]
        if not names:
            continue
        parts = [name.partition("@") for name in names]
        if all(at for _, at, _ in parts):
            stacks = {stack for _, _, stack in parts}
            if len(stacks) != 1:
                raise InputError(f"{path} takes its images from {len(stacks)} stacks.")
            numbers = [int(read_number(number, path, label)) - 1 for number, _, _ in parts]
            return np.array(numbers, np.intp), find_in_project(path, stacks.pop()), ()
        found = [find_in_project(path, name) for name in names]
        if all(file is not None for file in found):
            return np.arange(count), None, tuple(file for file in found if file is not None)
    return np.arange(count), None, ()


def _without_format(name: str) -> str:
    """``stack.st`` of ``stack.st:mrcs``: RELION's way to say how a file is to be read."""
    front, colon, form = name.rpartition(":")
    return front if colon and form in FORMATS else name


def _pixel_size(path: Path, tables: Tables) -> float | None:
    for table in tables.values():
        values = table.get("rlnTomoTiltSeriesPixelSize")
        if values:
            size = read_number(values[0], path, "rlnTomoTiltSeriesPixelSize")
            return size if size > 0 else None
    return None


def _notes(path: Path, table: dict[str, list[str]]) -> list[str]:
    notes, name = [], path.name
    if "rlnTomoXTilt" in table:
        largest = float(np.abs(_numbers(path, table, "rlnTomoXTilt")).max())
        if largest > SMALL:
            notes.append(
                f"{name}: tilts about x (rlnTomoXTilt, up to {largest:.3g}°) are not used."
            )
    if "rlnTomoProjX" in table:
        notes.append(
            f"{name}: projection matrices (rlnTomoProjX …), which RELION itself would take, are "
            "not used, but the angles and shifts beside them."
        )
    if "rlnTomoDeformationCoefficients" in table:
        notes.append(f"{name}: the deformation of each image is not applied.")
    return notes

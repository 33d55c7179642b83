"""RELION 5's tilt-series ``.star`` files, and the table of tomograms that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...mdoc import acquisition_order
from ...text_input import path_inside, read_number, read_text
from ..files import AlignmentFiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ALIGNED = ("rlnTomoYTilt", "rlnTomoZRot", "rlnTomoXShiftAngst", "rlnTomoYShiftAngst")
NOMINAL = "rlnTomoNominalStageTiltAngle"
IMAGE_NAMES = ("rlnTomoTiltSeriesName", "rlnMicrographName")
LEVELS = 5
"""Folders above the file in which the project may lie: RELION's paths start there."""
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
        dose = _numbers(path, table, "rlnMicrographPreExposure")
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
    return AlignmentFiles(alignment=alignment, stack=stack, images=images)


def read_star(path: Path) -> dict[str, dict[str, list[str]]]:
    """The tables of a STAR file, each a column of text by name; a list of items is one row."""
    import starfile

    text = read_text(path, "RELION .star file")
    if "data_" not in text:
        raise InputError(f"{path} is not a STAR file: it has no data block.", "Copy it again.")
    try:
        blocks = starfile.read(path, always_dict=True, parse_as_string=_names(text))
        return {str(name): _columns(block) for name, block in blocks.items()}
    except Exception as error:  # pandas' and the parser's own
        reason = " ".join(str(error).split())[:150]
        raise InputError(
            f"{path} is not a whole STAR file: {reason}.", "Copy the file again."
        ) from error


def _names(text: str) -> list[str]:
    """Every label of the file: numbers are read here, where a wrong one can be named."""
    words = (line.split()[0] for line in text.splitlines() if line.startswith("_"))
    return sorted({word[1:] for word in words})


def _columns(block: Any) -> dict[str, list[str]]:
    if isinstance(block, dict):
        return {str(name): [str(value)] for name, value in block.items()}
    return {str(name): [str(value) for value in block[name]] for name in block.columns}


def _numbers(path: Path, table: dict[str, list[str]], name: str) -> NDArray[np.float64]:
    return np.array([read_number(value, path, name) for value in table[name]], dtype=np.float64)


def _not_aligned(path: Path, tables: dict[str, dict[str, list[str]]]) -> InputError:
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


def _listed(path: Path, tables: dict[str, dict[str, list[str]]]) -> AlignmentFiles | None:
    """The one tilt series that a table of tomograms lists."""
    for table in tables.values():
        if "rlnTomoTiltSeriesStarFile" not in table:
            continue
        names = table["rlnTomoTiltSeriesStarFile"]
        if len(names) != 1:
            listed = ", ".join(names[:5])
            raise InputError(
                f"{path} lists {len(names)} tilt series: {listed}.", "Choose the .star of one."
            )
        file = _find(path, names[0])
        if file is None:
            raise InputError(f"{path} lists {names[0]}, which is not there.")
        if file.resolve() == path.resolve():
            raise InputError(f"{path} lists itself.", "Choose the .star of a tilt series.")
        return read_relion(file)
    return None


def _images(
    path: Path, table: dict[str, list[str]], count: int
) -> tuple[NDArray[np.intp], Path | None, tuple[Path, ...]]:
    """Sections and stack, or single images, that the rows name (``000001@stack.mrcs``)."""
    for label in IMAGE_NAMES:
        names = table.get(label, [])
        if not names:
            continue
        parts = [name.partition("@") for name in names]
        if all(at for _, at, _ in parts):
            stacks = {stack for _, _, stack in parts}
            if len(stacks) != 1:
                raise InputError(f"{path} takes its images from {len(stacks)} stacks.")
            numbers = [int(read_number(number, path, label)) - 1 for number, _, _ in parts]
            return np.array(numbers, np.intp), _find(path, stacks.pop()), ()
        found = [_find(path, name) for name in names]
        if all(file is not None for file in found):
            return np.arange(count), None, tuple(file for file in found if file is not None)
    return np.arange(count), None, ()


def _find(path: Path, name: str) -> Path | None:
    """A file that RELION names from its project's folder: beside the star file or above it."""
    folder = path.resolve().parent
    for base in [folder, *folder.parents][:LEVELS]:
        file = path_inside(base, name, path)
        if file.is_file():
            return file
    return None


def _pixel_size(path: Path, tables: dict[str, dict[str, list[str]]]) -> float | None:
    for table in tables.values():
        values = table.get("rlnTomoTiltSeriesPixelSize")
        if values:
            size = read_number(values[0], path, "rlnTomoTiltSeriesPixelSize")
            return size if size > 0 else None
    return None


def _notes(path: Path, table: dict[str, list[str]]) -> list[str]:
    if "rlnTomoXTilt" not in table:
        return []
    largest = float(np.abs(_numbers(path, table, "rlnTomoXTilt")).max())
    if largest <= SMALL:
        return []
    return [f"{path.name}: tilts about x (rlnTomoXTilt, up to {largest:.3g}°) are not applied."]

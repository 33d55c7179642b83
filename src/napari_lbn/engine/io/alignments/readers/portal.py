"""The CryoET Data Portal: its alignment JSON, and the folders of a run in which it lies.

A run holds ``Alignments/N/alignment_metadata.json`` and ``TiltSeries/N/`` with
``tiltseries_metadata.json``, the stack as MRC and as OME-Zarr, and its ``.rawtlt``. The numbers
are those of the library cryoet-alignment, which the portal itself uses.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...angles.read import find_angle_file, read_angles
from ...files.text_input import read_number, read_text
from ..files import PORTAL_ENDING, PORTAL_NAME, PORTAL_ROWS, AlignmentFiles
from .nearby import find_copied

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STACK_SUFFIXES = (".mrc", ".st", ".zarr", ".mrcs")
STACK_KEYS = ("mrc_file", "omezarr_dir")
SMALL = 0.1
TINY = 1e-6


def read_portal(path: Path) -> AlignmentFiles:
    """Read an alignment of the portal.

    An aligned point is mapped to ``raw = in_plane_rotation @ aligned + (x_offset, y_offset)``
    in pixels of the raw stack, x first. Sections that are not listed are left out.

    Raises
    ------
    InputError
        No such alignment, or a damaged one.
    """
    content = _parse(path)
    rows = content[PORTAL_ROWS]
    facts = _tilt_series_facts(path, content)
    stack = _stack(path, facts)
    sections = _column(path, rows, "z_index").astype(np.intp)
    rotations = _rotations(path, rows)
    offsets = np.stack([_column(path, rows, name) for name in ("x_offset", "y_offset")], axis=1)
    alignment = Alignment(
        angles=_angles(path, rows, sections, stack),
        rotations=rotations,
        shifts=shifts_from_raw_offsets(rotations, offsets),
        sections=sections,
        in_pixels=True,
        pixel_size=_pixel_size(path, facts),
        source=path.name,
        notes=tuple(_notes(path, content, facts)),
    )
    return AlignmentFiles(alignment=alignment, stack=stack)


def _parse(path: Path) -> dict[str, Any]:
    content = _json(path)
    rows = content.get(PORTAL_ROWS)
    if not isinstance(rows, list) or not rows:
        raise InputError(
            f"{path} is no alignment of the CryoET Data Portal (no {PORTAL_ROWS}).",
            "Choose another file.",
        )
    return content


def _json(path: Path) -> dict[str, Any]:
    text = read_text(path, "file of the CryoET Data Portal")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not whole JSON: {error}.", "Download it again.") from error
    return content if isinstance(content, dict) else {}


def _column(path: Path, rows: list[Any], name: str) -> NDArray[np.float64]:
    try:
        return np.array([read_number(str(row[name]), path, name) for row in rows], np.float64)
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: a section lacks {error}.", "Download it again.") from error


def _rotations(path: Path, rows: list[Any]) -> NDArray[np.float64]:
    """Degrees; the portal writes 2 × 2 matrices, older files their four numbers."""
    try:
        numbers = [np.ravel(np.array(row["in_plane_rotation"], np.float64)) for row in rows]
        matrices = np.array(numbers).reshape(len(rows), 2, 2)
    except (KeyError, TypeError, ValueError):
        matrices = np.full((1, 2, 2), np.nan)
    if not np.isfinite(matrices).all():
        raise InputError(f"{path}: in_plane_rotation is not a 2 × 2 matrix.", "Download it again.")
    sine, cosine = matrices[:, 1, 0] - matrices[:, 0, 1], matrices[:, 0, 0] + matrices[:, 1, 1]
    return np.asarray(-np.degrees(np.arctan2(sine, cosine)))


def _angles(
    path: Path, rows: list[Any], sections: NDArray[np.intp], stack: Path | None
) -> NDArray[np.float64]:
    """Those of the rows; where they hold none, those beside the stack."""
    if any(isinstance(row, dict) and row.get("tilt_angle") is not None for row in rows):
        return _column(path, rows, "tilt_angle")
    file = None if stack is None else find_angle_file(stack)
    if file is None:
        raise InputError(
            f"{path} holds no tilt angles, and no angle file lies beside its stack.",
            "Download the .rawtlt of the tilt series too.",
        )
    angles = read_angles(file).angles
    if not 0 <= sections.min() <= sections.max() < len(angles):
        raise InputError(f"{file} has {len(angles)} angles, too few for {path.name}.")
    return angles[sections]


def _tilt_series_facts(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """``tiltseries_metadata.json`` of the run, with its own path; empty where it is absent."""
    named = content.get("tiltseries_path")
    file = find_copied(path, named) if isinstance(named, str) and named.strip() else None
    return {} if file is None or not file.is_file() else {**_json(file), "path": file}


def _stack(path: Path, facts: dict[str, Any]) -> Path | None:
    """The stack of the run, or one of the file's name beside it."""
    if facts:
        # only the last part of what it names: it lies beside tiltseries_metadata.json
        names = [str(facts[key]).rpartition("/")[2] for key in STACK_KEYS if facts.get(key)]
        stacks = [facts["path"].with_name(name) for name in names if name.strip(".")]
        return next((file for file in stacks if file.exists()), None)
    stem = path.stem.removesuffix(PORTAL_ENDING)
    candidates = [path.with_name(stem + suffix) for suffix in STACK_SUFFIXES]
    if path.name == PORTAL_NAME:  # tiltseries_path was lost: the only stack of the run
        folder = path.resolve().parent.parent.parent / "TiltSeries"
        found = [file for ending in STACK_SUFFIXES for file in sorted(folder.glob(f"*/*{ending}"))]
        candidates = found if len({file.with_suffix("") for file in found}) == 1 else []
    return next((file for file in candidates if file.exists()), None)


def _pixel_size(path: Path, facts: dict[str, Any]) -> float | None:
    size = facts.get("pixel_spacing")
    value = None if size is None else read_number(str(size), path, "pixel_spacing")
    return value if value and value > 0 else None


def _notes(path: Path, content: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    notes, name = [], path.name
    if str(content.get("alignment_type", "GLOBAL")).upper() != "GLOBAL":
        notes.append(f"{name}: the local alignment is not applied, only the global one.")
    x_tilts = [row.get("volume_x_rotation") or 0 for row in content[PORTAL_ROWS]]
    largest = max(abs(read_number(str(tilt), path, "volume_x_rotation")) for tilt in x_tilts)
    if largest > SMALL:
        notes.append(f"{name}: tilts about x, up to {largest:.3g}°, are not applied.")
    offsets = content.get("volume_offset")
    if isinstance(offsets, dict) and any(offsets.values()):
        notes.append(f"{name}: volume_offset, a shift of the tomogram, is not applied.")
    matrix = content.get("affine_transformation_matrix")
    if isinstance(matrix, list) and matrix and not _is_unit(matrix):
        notes.append(f"{name}: affine_transformation_matrix is not applied.")
    if facts.get("is_aligned") is True:
        notes.append(
            f"{facts['path'].name} says that the stack is aligned already; if so, open the stack "
            "itself instead."
        )
    return notes


def _is_unit(matrix: list[Any]) -> bool:
    try:
        return bool(np.abs(np.array(matrix, np.float64) - np.eye(len(matrix))).max() < TINY)
    except (TypeError, ValueError):
        return False

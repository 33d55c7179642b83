"""The CryoET Data Portal's alignment JSON, as the library cryoet-alignment defines it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...text_input import read_number, read_text
from ..files import PORTAL_ENDING, PORTAL_ROWS, AlignmentFiles

if TYPE_CHECKING:
    from pathlib import Path


STACK_SUFFIXES = (".mrc", ".st", ".zarr", ".mrcs")
SMALL = 0.1


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
    try:
        matrices = np.array([row["in_plane_rotation"] for row in rows], dtype=np.float64)
        names = ("z_index", "tilt_angle", "x_offset", "y_offset", "volume_x_rotation")
        columns = {
            name: np.array([read_number(str(row[name]), path, name) for row in rows])
            for name in names
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: a section lacks {error}.", "Download it again.") from error
    if matrices.shape != (len(rows), 2, 2) or not np.isfinite(matrices).all():
        raise InputError(f"{path}: in_plane_rotation is not a 2 × 2 matrix.", "Download it again.")
    rotations = -np.degrees(
        np.arctan2(matrices[:, 1, 0] - matrices[:, 0, 1], matrices[:, 0, 0] + matrices[:, 1, 1])
    )
    offsets = np.stack([columns["x_offset"], columns["y_offset"]], axis=1)
    alignment = Alignment(
        angles=columns["tilt_angle"],
        rotations=rotations,
        shifts=shifts_from_raw_offsets(rotations, offsets),
        sections=columns["z_index"].astype(np.intp),
        in_pixels=True,
        source=path.name,
        notes=tuple(_notes(path, content, float(np.abs(columns["volume_x_rotation"]).max()))),
    )
    stem = path.stem.removesuffix(PORTAL_ENDING)
    candidates = [path.with_name(stem + suffix) for suffix in STACK_SUFFIXES]
    stack = next((file for file in candidates if file.exists()), None)
    return AlignmentFiles(alignment=alignment, stack=stack)


def _parse(path: Path) -> dict[str, Any]:
    text = read_text(path, "alignment of the CryoET Data Portal")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not whole JSON: {error}.", "Download it again.") from error
    rows = content.get(PORTAL_ROWS) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows:
        raise InputError(
            f"{path} is no alignment of the CryoET Data Portal (no {PORTAL_ROWS}).",
            "Choose another file.",
        )
    result: dict[str, Any] = content
    return result


def _notes(path: Path, content: dict[str, Any], x_tilt: float) -> list[str]:
    notes = []
    if str(content.get("alignment_type", "GLOBAL")).upper() != "GLOBAL":
        notes.append(f"{path.name}: the local alignment is not applied, only the global one.")
    if x_tilt > SMALL:
        notes.append(f"{path.name}: tilts about x, up to {x_tilt:.3g}°, are not applied.")
    return notes

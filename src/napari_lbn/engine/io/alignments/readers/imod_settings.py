"""What the command files and the ``.edf`` of an IMOD directory add to its transformations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ....errors import InputError
from ...angles.read import read_angles
from ...files.text_input import parse_sections, path_inside, read_number
from .imod_files import numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ....alignment.model import Alignment

SMALL = 1e-3
SMALL_X_TILT = 0.1
LARGEST_BINNING = 64


def with_newst(alignment: Alignment, newst: dict[str, str], path: Path) -> Alignment:
    """Add size and binning of the aligned stack.

    ``ImagesAreBinned`` is for distortion fields alone: transformations count pixels of the stack
    that ``newstack`` is given, however the camera binned them.
    """
    binning = (numbers_of(newst, "BINBYFACTOR", path, 1) or [1.0])[0]
    if not 1 <= binning <= LARGEST_BINNING:
        raise InputError(
            f"{path}: a binning of {binning:g} lies outside of 1 to {LARGEST_BINNING}.",
            "Check the file.",
        )
    size = numbers_of(newst, "SIZETOOUTPUTINXANDY", path, 2)
    shape = (int(size[1]), int(size[0])) if size and min(size) >= 1 else None
    notes = list(alignment.notes)
    if any(numbers_of(newst, "OFFSETSINXANDY", path, 2) or []):
        notes.append("newst.com: OffsetsInXandY is not applied.")
    files = [name for name in ("DISTORTIONFIELD", "GRADIENTFILE") if newst.get(name)]
    notes += [f"newst.com: {name} is not applied." for name in files]
    return replace(alignment, binning=binning, aligned_shape=shape, notes=tuple(notes))


def with_tilt(alignment: Alignment, tilt: dict[str, str], path: Path) -> Alignment:
    """Add what ``tilt.com`` excludes, its OFFSET and its SHIFT.

    ``tilt`` moves its slice by SHIFT (x, and up in its own section, which is -z here); the same
    tomogram comes from images moved by ``x cos(angle) - up sin(angle)``.
    """
    offset = (numbers_of(tilt, "OFFSET", path, 1) or [0.0])[0]
    across, up = numbers_of(tilt, "SHIFT", path, 2) or [0.0, 0.0]
    angles = alignment.angles + offset
    turn = np.deg2rad(angles)
    moved = alignment.shifts.copy()
    moved[:, 0] += across * np.cos(turn) - up * np.sin(turn)
    return replace(
        alignment,
        angles=angles,
        shifts=moved,
        excluded=alignment.excluded | _excluded(tilt, path, alignment.n_tilts),
        notes=(*alignment.notes, *_not_applied(tilt, path), *_x_tilts(tilt, path)),
    )


def with_edf(alignment: Alignment, edf: dict[str, str], path: Path, axis: str) -> Alignment:
    """Add pixel size and excluded projections of an ``.edf``, for its axis "A" or "B"."""
    size = edf.get("Setup.PixelSize")
    pixel_size = None if not size else read_number(size, path, "Setup.PixelSize") * 10  # nm
    name = f"Setup.Axis{axis}.ExcludeProjections"
    views = parse_sections(edf.get(name, ""), path)
    notes = list(alignment.notes)
    if edf.get("Setup.AxisType", "").lower().startswith("dual"):
        notes.append(f"{path.name}: a dual-axis series; only its axis {axis} is opened.")
    return replace(
        alignment,
        pixel_size=pixel_size if pixel_size and pixel_size > 0 else None,
        excluded=alignment.excluded | _rows(views, alignment.n_tilts),
        notes=tuple(notes),
    )


def _rows(views: Iterable[int], count: int) -> frozenset[int]:
    """Rows of views, which IMOD counts from 1."""
    return frozenset(view - 1 for view in views if view <= count)


def _excluded(tilt: dict[str, str], path: Path, count: int) -> frozenset[int]:
    """Rows that ``tilt`` leaves out, by its lists of views to exclude or to include."""
    listed = [tilt[name] for name in ("EXCLUDELIST", "EXCLUDELIST2", "EXCLUDE") if name in tilt]
    excluded = _rows((view for text in listed for view in parse_sections(text, path)), count)
    included = _rows(parse_sections(tilt.get("INCLUDE", ""), path), count)
    return excluded | (frozenset(range(count)) - included if included else frozenset())


def _not_applied(tilt: dict[str, str], path: Path) -> list[str]:
    notes = []
    turned = (numbers_of(tilt, "XAXISTILT", path, 1) or [0.0])[0]
    if abs(turned) > SMALL:
        notes.append(f"tilt.com: XAXISTILT {turned:g}° (a turn about x) is not applied.")
    if tilt.get("LOCALFILE"):
        notes.append("tilt.com: the local alignment is not applied, only the global one.")
    if tilt.get("ZFACTORFILE"):
        notes.append("tilt.com: ZFACTORFILE is not applied.")
    return notes


def _x_tilts(tilt: dict[str, str], path: Path) -> list[str]:
    """What to tell where the series was tilted about x as well."""
    if not tilt.get("XTILTFILE"):
        return []
    file = path_inside(path.parent, tilt["XTILTFILE"], path)
    if not file.is_file():
        return []
    largest = float(np.abs(read_angles(file).angles).max())
    if largest <= SMALL_X_TILT:
        return []
    return [f"{file.name}: tilts about x, up to {largest:g}°, are not used."]

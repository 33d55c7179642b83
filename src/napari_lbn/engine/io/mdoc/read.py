"""SerialEM's ``.mdoc``: angles, order of acquisition, exposure and pixel size of a stack."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ..files.text_input import read_text
from ..mrc.read import known_pixel_size
from .damage import what_is_wrong

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_BYTES = 4096
DATE_FORMATS = ("%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%b-%d %H:%M:%S")


@dataclass(frozen=True, kw_only=True, eq=False)
class MdocTable:
    """One row for each section of the stack, in the stack's order.

    Attributes
    ----------
    angles : ndarray
        ``(n_sections,)`` degrees.
    order : ndarray
        ``(n_sections,)`` rank in time, 0 first.
    dose : ndarray or None
        ``(n_sections,)`` accumulated exposure before each section, e/Å².
    pixel_size : float or None
        Å.
    """

    angles: NDArray[np.float64]
    order: NDArray[np.intp]
    dose: NDArray[np.float64] | None
    pixel_size: float | None


def read_mdoc(path: str | Path) -> MdocTable:
    """Read the tilt series that an ``.mdoc`` file describes.

    Raises
    ------
    InputError
        The file is absent, no ``.mdoc``, a montage's, or a section lacks its tilt angle.
    """
    mdoc = _parse(Path(path))
    sections = _in_stack_order(path, mdoc.section_data)
    angles = np.array([_angle(path, i, section) for i, section in enumerate(sections)])
    order = acquisition_order([_time(section.DateTime) for section in sections])
    pixel_sizes = [section.PixelSpacing for section in sections] + [mdoc.global_data.PixelSpacing]
    known = [known_pixel_size(float(size)) for size in pixel_sizes if size is not None]
    return MdocTable(
        angles=angles,
        order=order,
        dose=_dose(sections, order),
        pixel_size=next((size for size in known if size is not None), None),
    )


def image_file(path: Path) -> str | None:
    """Name of the stack that an ``.mdoc`` says it describes; it is not read further."""
    for line in _head(path):
        key, equals, value = line.partition("=")
        if equals and key.strip() == "ImageFile" and value.strip():
            return PureWindowsPath(value.strip()).name
    return None


def describes_frames(path: Path) -> bool:
    """True where an ``.mdoc`` describes movie frames, not a stack of images."""
    return any(line.startswith("[FrameSet") for line in _head(path))


def _head(path: Path) -> list[str]:
    with path.open("rb") as stream:
        return stream.read(FIRST_BYTES).decode("utf-8", errors="replace").splitlines()


def acquisition_order(times: list[float | None]) -> NDArray[np.intp]:
    """Rank of each section in time; the stack's own order where a time is unknown."""
    if any(time is None for time in times):
        return np.arange(len(times))
    rank = np.empty(len(times), np.intp)
    rank[np.argsort(np.array(times, np.float64), kind="stable")] = np.arange(len(times))
    return rank


def accumulated_dose(doses: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Exposure that each section's specimen had received before it, in the doses' unit."""
    in_time = np.argsort(order)
    before = np.empty_like(doses)
    before[in_time] = np.concatenate([[0.0], np.cumsum(doses[in_time])[:-1]])
    return before


def _parse(path: Path) -> Any:
    from mdocfile.data_models import Mdoc

    logger = logging.getLogger("mdocfile")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns of every field that SerialEM added since
    text = read_text(path, ".mdoc file", errors="replace")
    try:
        lines = [line for line in text.splitlines() if not line.startswith("T =")]
        mdoc = Mdoc.from_lines(lines)
    except Exception as error:  # pydantic's and the parser's own
        raise InputError(
            f"{path} is not a readable .mdoc file: {what_is_wrong(text, error)}.",
            "Correct the file, or give the angles in a .tlt file.",
        ) from error
    finally:
        logger.setLevel(level)
    return mdoc


def _in_stack_order(path: str | Path, sections: list[Any]) -> list[Any]:
    """Sections sorted by their place in the stack (ZValue), which names each of them once."""
    if any(section.MontSection is not None for section in sections):
        raise InputError(
            f"{path} describes a montage, not a tilt series.", "Give the tilt series' own .mdoc."
        )
    if not sections:
        raise InputError(f"{path} describes no image.", "Give the tilt series' own .mdoc.")
    places = [section.ZValue for section in sections]
    if any(place is None for place in places):
        return list(sections)
    if len(set(places)) != len(places):
        raise InputError(
            f"{path} names a section (ZValue) twice.", "Give the angles in a .tlt file instead."
        )
    return sorted(sections, key=lambda section: section.ZValue)


def _angle(path: str | Path, place: int, section: Any) -> float:
    angle = section.TiltAngle
    name = place if section.ZValue is None else section.ZValue
    if angle is None or not np.isfinite(angle):
        raise InputError(
            f"{path}, section {name}: no tilt angle."
            if angle is None
            else f"{path}, section {name}: the tilt angle is not a finite number.",
            "Correct the file, or give the angles in a .tlt file.",
        )
    return float(angle)


def _time(text: str | None) -> float | None:
    """Seconds of a SerialEM date; None where it cannot be understood."""
    if not text:
        return None
    for layout in DATE_FORMATS:
        try:
            return datetime.strptime(" ".join(text.split()), layout).timestamp()
        except ValueError:
            continue
    return None


def _dose(sections: list[Any], order: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """Accumulated exposure from ExposureDose, or from PriorRecordDose where that is absent."""
    doses = _column(sections, "ExposureDose")
    if doses is not None:
        return accumulated_dose(doses, order)
    return _column(sections, "PriorRecordDose")


def _column(sections: list[Any], name: str) -> NDArray[np.float64] | None:
    """A field of every section; None where one lacks it or all are zero."""
    values = [getattr(section, name) for section in sections]
    if any(value is None for value in values):
        return None
    column = np.array(values, np.float64)
    return column if np.isfinite(column).all() and (column > 0).any() else None

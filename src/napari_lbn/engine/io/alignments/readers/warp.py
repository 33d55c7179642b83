"""Warp's tilt-series ``.xml``: global alignment, doses and deselected tilts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....alignment.model import Alignment, shifts_from_raw_offsets
from ....errors import InputError
from ...files.text_input import read_number, read_text
from ...mdoc.read import acquisition_order
from ..files import AlignmentFiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST_TILTS = 100_000
LOCAL_GRIDS = (
    "GridMovementX",
    "GridMovementY",
    "GridVolumeWarpX",
    "GridVolumeWarpY",
    "GridVolumeWarpZ",
    "GridAngleX",
    "GridAngleY",
    "GridAngleZ",
)
TRUTH = {"true": True, "false": False, "1": True, "0": False}
SMALL = 1e-4


def read_warp(path: Path) -> AlignmentFiles:
    """Read a tilt-series ``.xml`` of Warp or M.

    Warp maps an aligned point to ``raw = R(AxisAngle) aligned + AxisOffset`` in Å, so that the
    rotation is -AxisAngle. Angles keep Warp's sign, which is that of the ``.tlt`` that it
    imported.

    Raises
    ------
    InputError
        No tilt series of Warp, or a damaged one.
    """
    root = parse_xml(path)
    if root.tag != "TiltSeries" or root.find("Angles") is None:
        raise InputError(
            f"{path} is not a tilt series of Warp.", "Choose the .xml of a tilt series."
        )
    angles = _numbers(path, root, "Angles", None)
    count = len(angles)
    if not 1 <= count <= MOST_TILTS:
        raise InputError(f"{path} holds {count} tilt angles.", "Choose another file.")
    rotations = -_numbers(path, root, "AxisAngle", count)
    offsets = np.stack([_numbers(path, root, f"AxisOffset{axis}", count) for axis in "XY"], axis=1)
    dose = None if root.find("Dose") is None else _numbers(path, root, "Dose", count)
    used = [TRUTH.get(word.lower(), True) for word in _words(root, "UseTilt")]
    alignment = Alignment(
        angles=angles,
        rotations=rotations,
        shifts=shifts_from_raw_offsets(rotations, offsets),
        sections=np.arange(count),
        excluded=frozenset(i for i, use in enumerate(used[:count]) if not use),
        order=_order(dose),
        dose=dose,
        source=path.name,
        notes=tuple(_notes(path, root)),
    )
    return AlignmentFiles(alignment=alignment, stack=_stack(path))


def parse_xml(path: Path) -> Any:
    """The root of an XML file; documents that declare entities are refused, not expanded."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    text = read_text(path, "Warp tilt series")
    try:
        # Warp declares utf-8 in a text that is decoded already
        return fromstring(text.encode("utf-8"), forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            f"{path} declares a document type or entities, which no program of the field does.",
            "It may be malicious; it was not read further.",
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} is not whole XML: {error}.", "Copy the file again.") from error


def _words(root: Any, tag: str) -> list[str]:
    element = root.find(tag)
    return [] if element is None else (element.text or "").split()


def _numbers(path: Path, root: Any, tag: str, count: int | None) -> NDArray[np.float64]:
    """The numbers of an element, `count` of them; zeros where it is absent."""
    words = _words(root, tag)
    if count is not None and not words:
        return np.zeros(count)
    if count is not None and len(words) != count:
        raise InputError(
            f"{path}: {len(words)} values in {tag} for {count} tilts.", "Process it again in Warp."
        )
    return np.array([read_number(word, path, tag) for word in words], dtype=np.float64)


def _order(dose: NDArray[np.float64] | None) -> NDArray[np.intp] | None:
    """Rank in time: the dose only grows."""
    if dose is None or len(np.unique(dose)) != len(dose):
        return None
    return acquisition_order([float(value) for value in dose])


def _notes(path: Path, root: Any) -> list[str]:
    """What is not applied, and what Warp found out about the sign of the angles."""
    name, notes = path.name, []
    moved = [tag for tag in LOCAL_GRIDS if _is_nonzero(root.find(tag))]
    if moved:
        notes.append(f"{name}: local alignment ({', '.join(moved)}) is not applied.")
    level = [float(_float_or(root.get(f"LevelAngle{axis}"), 0.0)) for axis in "XY"]
    if max(map(abs, level)) > SMALL:
        notes.append(
            f"{name}: level angles {level[0]:.3g}° and {level[1]:.3g}° are not applied; the "
            "specimen may lie tilted in the tomogram."
        )
    magnification = [_float_or(word, 1.0) for word in _attribute(root, "MagnificationCorrection")]
    if magnification and np.abs(np.array(magnification) - [1, 0, 0, 1][: len(magnification)]).max():
        notes.append(f"{name}: MagnificationCorrection is not applied.")
    notes.append(
        f"{name}: angles are used as they stand; Warp's own tomogram of them is mirrored in z "
        "against this one. See docs/formats.md."
    )
    if (root.get("AreAnglesInverted") or "").lower() == "true":
        notes.append(
            f"{name}: AreAnglesInverted is true: by the defocus gradient, Warp takes the tilt "
            "angles with the other sign for the CTF."
        )
    return notes


def _attribute(root: Any, name: str) -> list[str]:
    return (root.get(name) or "").replace(",", " ").split()


def _float_or(text: str | None, default: float) -> float:
    try:
        return float(text or default)
    except ValueError:
        return default


def _is_nonzero(grid: Any) -> bool:
    if grid is None:
        return False
    return any(abs(_float_or(node.get("Value"), 0.0)) > SMALL for node in grid.iter("Node"))


def _stack(path: Path) -> Path | None:
    """Where Warp puts the stack of a series, or one of its name beside the file."""
    folder, stem = path.parent, path.stem
    places = [folder / "tiltstack" / stem / f"{stem}.st", folder.parent / "tiltstack" / stem]
    places[1] = places[1] / f"{stem}.st"
    places += [path.with_suffix(suffix) for suffix in (".st", ".mrc", ".mrcs")]
    return next((file for file in places if file.is_file()), None)

"""Warp's tilt-series ``.xml``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ...files.text_output import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ....alignment.model import Alignment
    from ..files import StackFacts


def write_warp(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; excluded ones are deselected.

    Warp looks for the stack at ``tiltstack/NAME/NAME.st`` below the folder of the file.
    """
    _, rows, columns = stack.shape
    root = Element(
        "TiltSeries",
        AreAnglesInverted="False",
        PlaneNormal="0, 0, 0",
        LevelAngleX="0",
        LevelAngleY="0",
        MagnificationCorrection="1, 0, 0, 1",
        ImageDimensionsAngstrom=f"{columns * stack.pixel_size:.6g}, {rows * stack.pixel_size:.6g}",
        UnselectFilter="False",
        UnselectManual="",
    )
    offsets = alignment.raw_offsets()
    _add(root, "Angles", (f"{value:.5f}" for value in alignment.angles))
    if alignment.dose is not None:
        _add(root, "Dose", (f"{value:.6g}" for value in alignment.dose))
    _add(root, "UseTilt", (str(i not in alignment.excluded) for i in range(alignment.n_tilts)))
    _add(root, "AxisAngle", (f"{-value:.5f}" for value in alignment.rotations))
    _add(root, "AxisOffsetX", (f"{value:.5f}" for value in offsets[:, 0]))
    _add(root, "AxisOffsetY", (f"{value:.5f}" for value in offsets[:, 1]))
    _add(root, "MoviePath", (f"{stack.name}" for _ in alignment.angles))
    options = SubElement(root, "CTF")
    SubElement(options, "Param", Name="PixelSize", Value=f"{stack.pixel_size:.6g}")
    indent(root, "\t")
    text = '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"
    return [write_text(folder / f"{name}.xml", text)]


def _add(root: Element, tag: str, values: Iterable[str]) -> None:
    SubElement(root, tag).text = "\n".join(values)

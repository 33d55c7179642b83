"""RELION 5's tilt-series ``.star`` and the table that lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...files.text_output import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from ....alignment.model import Alignment
    from ..files import StackFacts

LABELS = (
    "rlnMicrographName",
    "rlnTomoNominalStageTiltAngle",
    "rlnTomoNominalTiltAxisAngle",
    "rlnTomoXTilt",
    "rlnTomoYTilt",
    "rlnTomoZRot",
    "rlnTomoXShiftAngst",
    "rlnTomoYShiftAngst",
    "rlnMicrographPreExposure",
)
GLOBAL_LABELS = (
    "rlnTomoName",
    "rlnTomoTiltSeriesStarFile",
    "rlnMicrographOriginalPixelSize",
    "rlnTomoTiltSeriesPixelSize",
    "rlnTomoHand",
    "rlnOpticsGroupName",
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnTomoSizeX",
    "rlnTomoSizeY",
    "rlnTomoSizeZ",
)
ASSUMED = "-1.0 opticsGroup1 300.0 2.7 0.1"
"""From hand to amplitude contrast: RELION refuses a table without them. It is told."""


def write_relion(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; excluded ones are left out.

    RELION takes a file for a stack where its name ends in ``.mrcs``, or is followed by ``:mrcs``.
    """
    offsets = alignment.raw_offsets()
    dose = np.zeros(alignment.n_tilts) if alignment.dose is None else alignment.dose
    images = stack.name if stack.name.endswith(".mrcs") else f"{stack.name}:mrcs"
    rows = []
    for i in range(alignment.n_tilts):
        if i in alignment.excluded:
            continue
        axis, angle = 0.0 - alignment.rotations[i], alignment.angles[i]  # never -0.0
        x, y = offsets[i]
        rows.append(
            f"{alignment.sections[i] + 1:06d}@{images} {angle:.4f} {axis:.4f} "
            f"0.0000 {angle:.5f} {axis:.5f} {x:.5f} {y:.5f} {dose[i]:.4f}"
        )
    table = write_text(folder / f"{name}.star", _loop(name, LABELS, rows))
    size = f"{stack.pixel_size:.6f}"
    _, *sides = stack.shape
    height, width = reversed(sides) if alignment.axis_lies else sides
    line = f"{name} {name}.star {size} {size} {ASSUMED} {width} {height} {stack.thickness}"
    listed = write_text(folder / f"{name}_tomograms.star", _loop("global", GLOBAL_LABELS, [line]))
    return [table, listed]


def _loop(block: str, labels: tuple[str, ...], rows: list[str]) -> str:
    head = [f"data_{block}", "", "loop_"]
    head += [f"_{label} #{number}" for number, label in enumerate(labels, 1)]
    return "\n".join(["", *head, *rows, "", ""])

"""RELION 5's tilt-series ``.star`` and the table that lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text_output import write_text

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
)
GLOBAL_LABELS = (
    "rlnTomoName",
    "rlnTomoTiltSeriesStarFile",
    "rlnMicrographOriginalPixelSize",
    "rlnTomoTiltSeriesPixelSize",
    "rlnTomoHand",
)


def write_relion(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; excluded ones are left out.

    RELION takes a file for a stack where its name ends in ``.mrcs``, or is followed by ``:mrcs``.
    """
    offsets = alignment.raw_offsets()
    images = stack.name if stack.name.endswith(".mrcs") else f"{stack.name}:mrcs"
    rows = []
    for i in range(alignment.n_tilts):
        if i in alignment.excluded:
            continue
        axis, angle = 0.0 - alignment.rotations[i], alignment.angles[i]  # never -0.0
        x, y = offsets[i]
        rows.append(
            f"{alignment.sections[i] + 1:06d}@{images} {angle:.4f} {axis:.4f} "
            f"0.0000 {angle:.5f} {axis:.5f} {x:.5f} {y:.5f}"
            + ("" if alignment.dose is None else f" {alignment.dose[i]:.4f}")
        )
    labels = LABELS if alignment.dose is None else (*LABELS, "rlnMicrographPreExposure")
    table = write_text(folder / f"{name}.star", _loop(name, labels, rows))
    size = f"{stack.pixel_size:.6f}"
    line = f"{name} {name}.star {size} {size} -1.0"
    listed = write_text(folder / f"{name}_tomograms.star", _loop("global", GLOBAL_LABELS, [line]))
    return [table, listed]


def _loop(block: str, labels: tuple[str, ...], rows: list[str]) -> str:
    head = [f"data_{block}", "", "loop_"]
    head += [f"_{label} #{number}" for number, label in enumerate(labels, 1)]
    return "\n".join(["", *head, *rows, "", ""])

"""AreTomo's ``.aln``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...files.text_output import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from ....alignment.model import Alignment
    from ..files import StackFacts

TITLE = (
    "# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE     TILT"
)


def write_aretomo(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; excluded ones become dark frames.

    In the order of the angles, which is AreTomo's whatever that of the stack; sections count
    from 0.
    """
    sections, rows, columns = stack.shape
    lines = [
        "# AreTomo Alignment / Priims bprmMn",
        f"# RawSize = {columns} {rows} {sections}",
        "# NumPatches = 0",
    ]
    order = [int(i) for i in np.argsort(alignment.angles, kind="stable")]
    lines += [
        f"# DarkFrame = {rank:5d} {i:4d} {alignment.angles[i]:10.4f}"
        for rank, i in enumerate(order)
        if i in alignment.excluded
    ]
    lines += ["# AlphaOffset =     0.00", "# BetaOffset =     0.00", TITLE]
    offsets = alignment.raw_offsets() / stack.pixel_size
    for i in order:
        if i in alignment.excluded:
            continue
        scale = 1.0 if alignment.magnifications is None else alignment.magnifications[i]
        x, y = offsets[i]
        lines.append(
            f"{i:5d} {-alignment.rotations[i]:12.5f} {scale:11.7f} {x:12.4f} {y:12.4f} "
            f"{1:8.2f} {1:8.2f} {1:8.2f} {0:8.2f} {alignment.angles[i]:10.4f}"
        )
    return [write_text(folder / f"{name}.aln", "\n".join(lines) + "\n")]

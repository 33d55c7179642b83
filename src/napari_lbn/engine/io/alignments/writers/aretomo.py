"""AreTomo's ``.aln``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text_output import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from ....alignment.model import Alignment
    from ..files import StackFacts

TITLE = (
    "# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE     TILT"
)


def write_aretomo(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; excluded ones become dark frames."""
    sections, rows, columns = stack.shape
    lines = [
        "# AreTomo Alignment / Priims bprmMn",
        f"# RawSize = {columns} {rows} {sections}",
        "# NumPatches = 0",
    ]
    dark = sorted(alignment.excluded)
    lines += [f"# DarkFrame = {i:5d} {i:4d} {alignment.angles[i]:10.4f}" for i in dark]
    lines += ["# AlphaOffset =     0.00", "# BetaOffset =     0.00", TITLE]
    offsets = alignment.raw_offsets() / stack.pixel_size
    kept = [i for i in range(alignment.n_tilts) if i not in alignment.excluded]
    for rank, i in enumerate(kept):
        scale = 1.0 if alignment.magnifications is None else alignment.magnifications[i]
        x, y = offsets[i]
        lines.append(
            f"{rank:5d} {-alignment.rotations[i]:12.5f} {scale:11.7f} {x:12.4f} {y:12.4f} "
            f"{1:8.2f} {1:8.2f} {1:8.2f} {0:8.2f} {alignment.angles[i]:10.4f}"
        )
    return [write_text(folder / f"{name}.aln", "\n".join(lines) + "\n")]

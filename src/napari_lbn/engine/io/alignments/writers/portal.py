"""The CryoET Data Portal's alignment JSON, as the library cryoet-alignment defines it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from ...files.text_output import write_text
from ..files import PORTAL_ENDING, PORTAL_ROWS

if TYPE_CHECKING:
    from pathlib import Path

    from ....alignment.model import Alignment
    from ..files import StackFacts


def write_portal(alignment: Alignment, folder: Path, name: str, stack: StackFacts) -> list[Path]:
    """Write an alignment with a row for each image; excluded ones are left out."""
    offsets = alignment.raw_offsets() / stack.pixel_size
    rows = []
    for i in range(alignment.n_tilts):
        if i in alignment.excluded:
            continue
        axis = np.deg2rad(-alignment.rotations[i])
        cosine, sine = float(np.cos(axis)), float(np.sin(axis))
        rows.append(
            {
                "z_index": int(alignment.sections[i]),
                "tilt_angle": float(alignment.angles[i]),
                "volume_x_rotation": 0.0,
                "in_plane_rotation": [[cosine, -sine], [sine, cosine]],
                "x_offset": float(offsets[i, 0]),
                "y_offset": float(offsets[i, 1]),
            }
        )
    content = {
        "affine_transformation_matrix": np.eye(4).tolist(),
        "alignment_type": "GLOBAL",
        "format": "IMOD",
        "is_portal_standard": False,
        "tilt_offset": 0.0,
        "volume_offset": {"x": 0.0, "y": 0.0, "z": 0.0},
        "x_rotation_offset": 0.0,
        "volume_dimension": {"x": 0.0, "y": 0.0, "z": 0.0},
        PORTAL_ROWS: rows,
    }
    return [
        write_text(folder / f"{name}{PORTAL_ENDING}.json", json.dumps(content, indent=1) + "\n")
    ]

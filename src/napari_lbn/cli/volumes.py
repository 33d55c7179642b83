"""Tomograms that the options name."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from .progress import note

if TYPE_CHECKING:
    from pathlib import Path


def note_angles_beside(tomogram: Path) -> None:
    """Say so where angles lie beside a tomogram, as they do beside a tilt series."""
    from napari_lbn.engine.io.angles.read import angle_files

    for angles in islice(angle_files(tomogram), 1):
        note(
            f"{angles.name} lies beside {tomogram.name}: were it a tilt series, each tilt would be "
            "a plane of z."
        )

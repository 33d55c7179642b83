"""What `napari-lbn evaluate` refuses before the work: tomograms that cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.evaluation.exchange.files import (
    method_name,
    require_numbers,
    require_own_names,
    require_scorable,
)
from napari_lbn.engine.evaluation.exchange.fold_import import list_tomograms
from napari_lbn.engine.evaluation.fsc import require_same_shape
from napari_lbn.engine.io import open_volume
from napari_lbn.engine.io.together import input_files

from ..volumes import note_angles_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_lbn.engine.evaluation.hold_out.folds import Fold
    from napari_lbn.engine.tilt_series import TiltSeries

SAME_SIZE = 0.01
"""Share by which pixel sizes in headers may differ."""


def require_programs(
    working: TiltSeries, folds: Sequence[tuple[Fold, Path]], in_sample: Sequence[Path]
) -> None:
    """Refuse tomograms of other programs that cannot be scored, or would share a row."""
    added = list_tomograms(working, folds) if folds else []
    imported = {method_name(path): path for _, path in added}
    require_own_names([*imported.values(), *in_sample])
    own = {path.resolve() for path in input_files(working)}
    for path in in_sample:
        if path.resolve() in own:
            raise InputError(f"{path} is the tilt series.", "Name a tomogram of it.")
        require_scorable(path, working.image_shape)


def require_comparable(one: Path, other: Path) -> None:
    """Refuse two tomograms of other sizes or voxels, or with voxels that are no numbers."""
    if one.resolve() == other.resolve():
        raise InputError(f"--fsc: {one} is given twice.", "Give two tomograms.")
    (first, size), (second, other_size) = open_volume(one), open_volume(other)
    require_same_shape(first.shape, second.shape)
    if size and other_size and abs(size / other_size - 1) > SAME_SIZE:
        raise InputError(
            f"{one.name} has voxels of {size:.4g} Å, {other.name} of {other_size:.4g} Å.",
            "Give two tomograms of one binning, or correct the wrong header.",
        )
    for path in (one, other):
        note_angles_beside(path)
        require_numbers(path)

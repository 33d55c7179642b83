"""Reading the folders of SHREC 2021, the simulated cryo-ET benchmark.

The data set (doi:10.34894/XRTJMA) holds folders ``model_0`` to ``model_9``. Of each, this
module reads ``grandmodel.mrc`` (the density, 10 Å voxels), ``reconstruction.mrc`` (the
organisers' WBP), the measured tilts (``projections_unbinned.mrc`` at 5 Å, or
``projections.mrc``), and their angles from ``alignment_simulated.txt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..io.files.text_input import read_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAND_MODEL = "grandmodel.mrc"

VOXEL_SIZE = 10.0
"""Å of the grand models, whose headers do not all say it."""

UNBINNED_PIXEL_SIZE = 5.0
"""Å of the unbinned projections."""

ANGLE_COLUMN = 2
"""After the shifts along x and y."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShrecModel:
    """One model of SHREC 2021.

    Attributes
    ----------
    number : int
        0 to 9.
    density : Path
        The grand model, ``(z, y, x)``, dense is positive.
    reconstruction, projections : Path or None
        Where they are there.
    angles : ndarray or None
        ``(n,)`` degrees of the projections; None without an alignment file. Against this
        program's convention their sign may have to be inverted.
    shifts : ndarray or None
        ``(n, 2)`` simulated misalignment (x, y), unbinned pixels.
    voxel_size, pixel_size : float
        Å of density and projections.
    """

    number: int
    density: Path
    reconstruction: Path | None
    projections: Path | None
    angles: NDArray[np.float64] | None
    shifts: NDArray[np.float64] | None
    voxel_size: float = VOXEL_SIZE
    pixel_size: float = UNBINNED_PIXEL_SIZE


def shrec_models(folder: Path) -> list[ShrecModel]:
    """Every model of a SHREC 2021 folder, or the one whose folder is given.

    Raises
    ------
    InputError
        No ``model_N`` with a grand model in the folder.
    """
    found = _model_folders(Path(folder))
    return [_read_model(number, found[number]) for number in sorted(found)]


def _model_folders(folder: Path) -> dict[int, Path]:
    """Folders of models by their number, those that hold a grand model."""
    candidates = [folder, *folder.glob("model_*")] if folder.is_dir() else []
    numbered = {
        int(match[1]): path
        for path in candidates
        if (match := re.fullmatch(r"model_(\d+)", path.resolve().name))
        and (path / GRAND_MODEL).is_file()
    }
    if not numbered:
        raise InputError(
            f"{folder} is no SHREC 2021 folder.",
            f"It should hold model_0 to model_9, each with its {GRAND_MODEL}.",
        )
    return numbered


def shrec_model(folder: Path, number: int) -> ShrecModel:
    """One model of a SHREC 2021 folder; the others are not looked at.

    Raises
    ------
    InputError
        The folder does not hold it.
    """
    models = _model_folders(Path(folder))
    if number not in models:
        there = ", ".join(map(str, sorted(models)))
        raise InputError(
            f"{folder} holds no model {number} with a {GRAND_MODEL}.", f"It holds {there}."
        )
    return _read_model(number, models[number])


def _read_model(number: int, folder: Path) -> ShrecModel:
    unbinned = folder / "projections_unbinned.mrc"
    projections = _if_there(unbinned) or _if_there(folder / "projections.mrc")
    table = _read_alignment(folder / "alignment_simulated.txt")
    return ShrecModel(
        number=number,
        density=folder / GRAND_MODEL,
        reconstruction=_if_there(folder / "reconstruction.mrc"),
        projections=projections,
        angles=None if table is None else table[:, ANGLE_COLUMN],
        shifts=None if table is None else table[:, :ANGLE_COLUMN],
        pixel_size=UNBINNED_PIXEL_SIZE if projections == unbinned else VOXEL_SIZE,
    )


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _read_alignment(path: Path) -> NDArray[np.float64] | None:
    """Shift x, shift y and angle of each tilt: the lines that begin with three numbers."""
    if not path.is_file():
        return None
    rows = []
    for line in read_text(path, "alignment of SHREC 2021").splitlines():
        try:
            rows.append([float(part) for part in line.split()[: ANGLE_COLUMN + 1]])
        except ValueError:
            continue
    rows = [row for row in rows if len(row) == ANGLE_COLUMN + 1]
    if not rows:
        raise InputError(f"{path} names no tilt.", "Each line holds two shifts and an angle.")
    return np.array(rows)

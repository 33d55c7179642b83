"""Files of other programs' tomograms: their names, and whether they can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...io.volume import open_volume
from ..prediction.predictors import (
    ADAPTED_NAME,
    LBN_NAME,
    NEAREST_NAME,
    NEIGHBOURS_NAME,
    SIRT_NAME,
    WBP_NAME,
)
from .placement import require_fitting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OURS = (LBN_NAME, ADAPTED_NAME, WBP_NAME, SIRT_NAME, NEIGHBOURS_NAME, NEAREST_NAME)


def method_name(path: Path) -> str:
    """A program's name from its file: "isonet" of ``isonet.mrc``."""
    return path.stem.removesuffix(".ome")


def require_own_names(paths: Iterable[Path]) -> None:
    """Refuse files whose scores would be mixed: of one name, or of the name of a row of ours.

    Raises
    ------
    InputError
        Such files.
    """
    seen: dict[str, Path] = {}
    for path in paths:
        name = method_name(path)
        if any(name.lower() == own.lower() for own in OURS):
            raise InputError(
                f"{path}: {name!r} is what a method of this program is called.",
                "Rename the file after the program that made it.",
            )
        if name in seen:
            raise InputError(
                f"{seen[name]} and {path} are both called {name!r}.",
                "Rename one, or give the file once: its name is that of its row.",
            )
        seen[name] = path


def require_scorable(path: Path, tilt: tuple[int, int]) -> None:
    """Refuse a file that cannot be re-projected and compared with tilts of (y, x) pixels.

    Raises
    ------
    InputError
        It fits in no axis order, or `require_numbers`.
    """
    shape = open_volume(path)[0].shape
    try:
        require_fitting(shape, tilt)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.remedy) from error
    require_numbers(path)


def require_numbers(path: Path) -> None:
    """Refuse a volume that holds NaN or infinite voxels, or one value only.

    Raises
    ------
    InputError
        It does, or cannot be read.
    """
    volume: Any = open_volume(path)[0]
    low, high = np.inf, -np.inf
    for plane in range(volume.shape[0]):
        values = np.asarray(volume[plane])
        if not np.isfinite(values).all():
            raise InputError(
                f"{path} holds voxels that are no numbers (NaN or infinite), such as in plane "
                f"{plane} of z.",
                "Write it again without them.",
            )
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low == high:
        raise InputError(f"{path} holds the same value everywhere.", "Choose another file.")

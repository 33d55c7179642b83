"""The index of exported folds: which tilts each hides, of which series, and what was added.

Any other program can be compared honestly: `fold_export` writes for each fold the stack without
its hidden tilts, its angles and its WBP. Tomograms that another program made of these, put into
the same folders, are read back by `fold_import`: one file a fold, its name the method's.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, OutputError
from ...io.files.atomic import output_errors
from ..hold_out.folds import Fold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...reconstruction.wbp import WBPSettings
    from ...tilt_series import TiltSeries

INDEX = "folds.json"
FORMAT = "napari-lbn folds 2"
STACK, ANGLES, TOMOGRAM = "visible.mrc", "visible.tlt", "wbp.mrc"
VOLUME_SUFFIXES = {".mrc", ".rec", ".map", ".zarr"}


def make_index(series: TiltSeries, folds: Sequence[Fold], settings: WBPSettings) -> dict[str, Any]:
    """What `read_folds` reads."""
    return {
        "format": FORMAT,
        "series": series.name,
        "pixel_size": series.pixel_size,
        "thickness": settings.thickness,
        "fingerprint": fingerprint(series),
        "folds": [
            {
                "folder": folder_name(i, fold),
                "name": fold.name,
                "kind": fold.kind,
                "hidden_angles": [float(series.angles[h]) for h in fold.hidden],
                "hidden_sections": [int(series.section_numbers[h]) for h in fold.hidden],
            }
            for i, fold in enumerate(folds)
        ],
    }


def read_folds(series: TiltSeries, folder: Path) -> list[tuple[Fold, Path]]:
    """The folds of an export and their folders.

    Raises
    ------
    InputError
        No index, a damaged one, or one of another series.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        known = index["format"] == FORMAT
        rows = [
            (row["name"], row["kind"], row["folder"], [int(s) for s in row["hidden_sections"]])
            for row in (index["folds"] if known else [])
        ]
        if known and not rows:
            raise ValueError("no folds")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", "Give the folder of --export-folds."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}).", "Export the folds again.") from error
    if not known:
        raise InputError(f"{path} is of another version.", "Export the folds again.")
    if index.get("fingerprint") != fingerprint(series):
        raise InputError(
            f"{path} belongs to another series, or to other tilts or another binning of this one.",
            "Give the series and options with which the folds were exported.",
        )
    return [
        (Fold(name=name, kind=kind, hidden=_tilts(series, hidden)), folder / place)
        for name, kind, place, hidden in rows
    ]


def fingerprint(series: TiltSeries) -> str:
    """Tells series apart: angles in use and a few rows of pixels."""
    digest = hashlib.sha256(series.included_angles.astype(np.float32).tobytes())
    middle = series.image_shape[0] // 2
    for index in series.included:
        digest.update(series.read([index], slice(middle, middle + 1)).tobytes())
    return digest.hexdigest()[:16]


def added_tomograms(place: Path) -> list[Path]:
    """Tomograms of other programs in a fold's folder."""
    ours = {STACK, TOMOGRAM}
    files = sorted(place.glob("*"))
    return [f for f in files if f.suffix.lower() in VOLUME_SUFFIXES and f.name not in ours]


def require_none_of_others(folder: Path, index: dict[str, Any]) -> None:
    """Refuse a folder with tomograms of other folds: they may have seen what is hidden now."""
    added = [file for place in sorted(folder.glob("fold_*")) for file in added_tomograms(place)]
    if not added:
        return
    if not _is_index_of(folder, index):
        raise OutputError(
            f"{folder} holds tomograms made of other folds, such as {added[0]}: they may have "
            "seen the tilts that are hidden now.",
            "Choose another folder, or remove them.",
        )


def remove_other_index(folder: Path, index: dict[str, Any]) -> None:
    """Were the export stopped, an older index would speak of tilts that are not hidden now."""
    if not _is_index_of(folder, index):
        with output_errors(folder / INDEX):
            (folder / INDEX).unlink(missing_ok=True)


def _is_index_of(folder: Path, index: dict[str, Any]) -> bool:
    """Whether the folder's index tells of the same folds of the same series."""
    try:
        earlier = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return all(earlier.get(key) == index[key] for key in ("fingerprint", "folds"))
    except (OSError, ValueError, AttributeError):
        return False


def folder_name(number: int, fold: Fold) -> str:
    """Of a fold, by which it is known in the index."""
    return f"fold_{number:02d}_{fold.name.replace(' ', '_')}"


def _tilts(series: TiltSeries, sections: list[int]) -> tuple[int, ...]:
    """By section, not by angle: one angle may be there twice, or excluded once."""
    return tuple(int(i) for i in np.flatnonzero(np.isin(series.section_numbers, sections)))

"""Folds as files, so that any other program can be compared honestly.

`export_folds` writes for each fold the stack without its hidden tilts, its angles and its
WBP. Tomograms that another program made of these, put into the same folders, are read back
by `fold_import`: one file a fold, its name the method's.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ..correct.tomogram import measure_intensities, measured_rows
from ..errors import InputError, OutputError
from ..events import Progress, SlabReady, raise_if_cancelled
from ..geometry import measured_weights
from ..io.atomic import output_errors
from ..io.output import (
    VolumeWriter,
    check_free_space,
    ensure_folder,
    write_provenance,
    write_stack,
    write_tilt_angles,
)
from ..reconstruction.wbp import reconstruct
from .folds import Fold
from .predictors import take
from .sharing import part, shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..events import CancelToken, Event, Job
    from ..intensity import IntensityStats
    from ..reconstruction.wbp import WBPSettings
    from ..tilt_series import TiltSeries

INDEX = "folds.json"
FORMAT = "napari-lbn folds 1"
STACK, ANGLES, TOMOGRAM = "visible.mrc", "visible.tlt", "wbp.mrc"
VOLUME_SUFFIXES = {".mrc", ".rec", ".map", ".zarr"}


def export_folds(
    series: TiltSeries,
    folds: Sequence[Fold],
    folder: Path,
    settings: WBPSettings,
    *,
    cancel: CancelToken | None = None,
) -> Job[list[Path]]:
    """Write each fold's stack, angles and WBP without the hidden tilts.

    Parameters
    ----------
    series : TiltSeries
        At the working pixel size.
    folds : sequence of Fold
        Which tilts are hidden together.
    folder : Path
        Made if absent; each fold gets a folder in it.
    settings : WBPSettings
        Of the tomograms.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`; finished folds stay, the index is not written.

    Returns
    -------
    list of Path
        The folders, and the index last.

    Raises
    ------
    OutputError
        The folder holds tomograms that were made of other folds, or cannot be written.
    """
    index = _index(series, folds, settings)
    _require_none_of_others(folder, index)
    ensure_folder(folder)
    _remove_other_index(folder, index)
    height, width = series.image_shape
    volume = settings.thickness * height * width
    check_free_space(folder, 4 * len(folds) * (volume + series.included.size * height * width))
    stats = measure_intensities(series)
    written = []
    for i, fold in enumerate(folds):
        raise_if_cancelled(cancel)
        place = folder / _folder_name(i, fold)
        ensure_folder(place)
        visible = fold.visible(series)
        keep = ~np.isin(series.included, fold.hidden)
        _write_stack(place, visible, fold)
        job = _write_tomogram(place, visible, take(stats, keep), settings, cancel)
        share = part((0, 1), i, len(folds)), part((0, 1), i + 1, len(folds))
        yield from shared(job, share, f"Writing fold {i + 1} of {len(folds)}")
        written.append(place)
    return [*written, write_provenance(folder / INDEX, index)]


def added_tomograms(place: Path) -> list[Path]:
    """Tomograms of other programs in a fold's folder."""
    ours = {STACK, TOMOGRAM}
    files = sorted(place.glob("*"))
    return [f for f in files if f.suffix.lower() in VOLUME_SUFFIXES and f.name not in ours]


def _index(series: TiltSeries, folds: Sequence[Fold], settings: WBPSettings) -> dict[str, Any]:
    """What `read_folds` reads."""
    return {
        "format": FORMAT,
        "series": series.name,
        "pixel_size": series.pixel_size,
        "thickness": settings.thickness,
        "fingerprint": fingerprint(series),
        "folds": [
            {
                "folder": _folder_name(i, fold),
                "name": fold.name,
                "kind": fold.kind,
                "hidden_angles": [float(series.angles[h]) for h in fold.hidden],
            }
            for i, fold in enumerate(folds)
        ],
    }


def _require_none_of_others(folder: Path, index: dict[str, Any]) -> None:
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


def _remove_other_index(folder: Path, index: dict[str, Any]) -> None:
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


def fingerprint(series: TiltSeries) -> str:
    """Tells series apart: angles in use and a few rows of pixels."""
    digest = hashlib.sha256(series.included_angles.astype(np.float32).tobytes())
    middle = series.image_shape[0] // 2
    for index in series.included:
        digest.update(series.read([index], slice(middle, middle + 1)).tobytes())
    return digest.hexdigest()[:16]


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
        rows = [
            (row["name"], row["kind"], row["folder"], row["hidden_angles"])
            for row in index["folds"]
        ]
        known = index["format"] == FORMAT
        if not rows:
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
        (Fold(name=name, kind=kind, hidden=_indices(series, hidden)), folder / place)
        for name, kind, place, hidden in rows
    ]


def _indices(series: TiltSeries, hidden: list[float]) -> tuple[int, ...]:
    return tuple(int(np.abs(series.angles - angle).argmin()) for angle in hidden)


def _folder_name(number: int, fold: Fold) -> str:
    return f"fold_{number:02d}_{fold.name.replace(' ', '_')}"


def _write_stack(place: Path, visible: TiltSeries, fold: Fold) -> None:
    images: Iterator[NDArray[Any]] = (visible.read([i])[0] for i in visible.included)
    write_stack(
        place / STACK,
        images,
        n=visible.included.size,
        shape=visible.image_shape,
        pixel_size=visible.pixel_size,
        labels=[f"{visible.name} without the hidden tilts of {fold.name}"],
    )
    write_tilt_angles(place / ANGLES, visible.included_angles)


def _write_tomogram(
    place: Path,
    visible: TiltSeries,
    stats: IntensityStats,
    settings: WBPSettings,
    cancel: CancelToken | None,
) -> Job[None]:
    shape = (settings.thickness, *visible.image_shape)
    label = f"WBP of {visible.name} without hidden tilts"
    with VolumeWriter(place / TOMOGRAM, shape, visible.pixel_size, [label]) as writer:
        job: Iterator[Event] = reconstruct(
            measured_rows(visible, stats),
            stats.angles,
            measured_weights(stats.angles, cap_gaps=settings.cap_gaps),
            visible.image_shape,
            settings,
            cancel=cancel,
        )
        for event in job:
            if isinstance(event, SlabReady):
                writer.write_slab(event.y_start, event.slab)
            elif isinstance(event, Progress):
                yield event

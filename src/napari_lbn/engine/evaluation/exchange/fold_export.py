"""Folds as files, for any other program (`fold_index`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...angular_weights import measured_weights
from ...correct.rows import measure_intensities, measured_rows
from ...events import Progress, SlabReady, raise_if_cancelled
from ...io import (
    VolumeWriter,
    check_free_space,
    ensure_folder,
    write_provenance,
    write_stack,
    write_tilt_angles,
)
from ...reconstruction.wbp import reconstruct
from ..prediction.predictors import take
from ..sharing import part, shared
from .fold_index import (
    ANGLES,
    INDEX,
    STACK,
    TOMOGRAM,
    folder_name,
    make_index,
    remove_other_index,
    require_none_of_others,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ...events import CancelToken, Event, Job
    from ...intensity import IntensityStats
    from ...reconstruction.wbp import WBPSettings
    from ...tilt_series import TiltSeries
    from ..hold_out.folds import Fold


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
    index = make_index(series, folds, settings)
    require_none_of_others(folder, index)
    ensure_folder(folder)
    remove_other_index(folder, index)
    height, width = series.image_shape
    volume = settings.thickness * height * width
    check_free_space(folder, 4 * len(folds) * (volume + series.included.size * height * width))
    stats = measure_intensities(series)
    written = []
    for i, fold in enumerate(folds):
        raise_if_cancelled(cancel)
        place = folder / folder_name(i, fold)
        ensure_folder(place)
        visible = fold.visible(series)
        keep = ~np.isin(series.included, fold.hidden)
        _write_stack(place, visible, fold)
        job = _write_tomogram(place, visible, take(stats, keep), settings, cancel)
        share = part((0, 1), i, len(folds)), part((0, 1), i + 1, len(folds))
        yield from shared(job, share, f"Writing fold {i + 1} of {len(folds)}")
        written.append(place)
    return [*written, write_provenance(folder / INDEX, index)]


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
            measured_weights(stats.angles),
            visible.image_shape,
            settings,
            cancel=cancel,
        )
        for event in job:
            if isinstance(event, SlabReady):
                writer.write_slab(event.y_start, event.slab)
            elif isinstance(event, Progress):
                yield event

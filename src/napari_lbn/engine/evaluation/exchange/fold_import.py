"""Tomograms that other programs made of exported folds, read back and scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...correct.rows import measure_intensities
from ...errors import InputError
from ...io.volume import open_volume
from ..hold_out.run import noise_ceilings
from ..hold_out.scores import HoldOutResult
from ..prediction.predictors import take
from ..sharing import part, shared
from .files import method_name, require_own_names, require_scorable
from .fold_index import STACK, added_tomograms
from .placement import fit_placement
from .tomograms import score_tomogram

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...events import CancelToken, Job
    from ...tilt_series import TiltSeries
    from ..hold_out.folds import Fold
    from ..hold_out.scores import Score
    from .placement import Placement


def import_folds(
    series: TiltSeries, folds: Sequence[tuple[Fold, Path]], *, cancel: CancelToken | None = None
) -> Job[tuple[HoldOutResult, dict[tuple[str, str], Placement]]]:
    """Score the tomograms that other programs made of exported folds.

    Parameters
    ----------
    series : TiltSeries
        The one that was exported, at the same working pixel size.
    folds : sequence of (Fold, Path)
        Of `read_folds`; in their folders tomograms were added: ``fold_00_…/METHOD.mrc``.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Returns
    -------
    result : HoldOutResult
    placements : dict
        How each volume lay, by (fold, method).

    Raises
    ------
    InputError
        No tomogram added, or one that does not fit.
    """
    jobs = list_tomograms(series, folds)
    stats = measure_intensities(series)
    scores: list[Score] = []
    placements = {}
    for i, (fold, path) in enumerate(jobs):
        share = part((0, 1), i, len(jobs)), part((0, 1), i + 1, len(jobs))
        volume, _ = open_volume(path)
        keep = ~np.isin(series.included, fold.hidden)
        job = fit_placement(
            np.asarray(volume), fold.visible(series), take(stats, keep), cancel=cancel
        )
        placement = yield from shared(job, share, f"Placing {path.name} of {fold.name}")
        placements[fold.name, method_name(path)] = placement
        found = yield from score_tomogram(
            np.asarray(volume), method_name(path), series, stats, fold, placement
        )
        scores.extend(found)
    ceilings = tuple(noise_ceilings(series, stats, [fold for fold, _ in folds]))
    return HoldOutResult(scores=tuple(scores), ceilings=ceilings), placements


def list_tomograms(
    series: TiltSeries, folds: Sequence[tuple[Fold, Path]]
) -> list[tuple[Fold, Path]]:
    """Tomograms of other programs in the folders of `read_folds`, beside their folds.

    Raises
    ------
    InputError
        No tomogram added, one that cannot be scored, or two of one name in a fold.
    """
    found = [(fold, path) for fold, place in folds for path in added_tomograms(place)]
    if not found:
        raise InputError(
            f"{folds[0][1].parent} holds no tomograms of another program.",
            f"Put one into each fold's folder, named after the method: METHOD.mrc beside {STACK}.",
        )
    for fold, _ in folds:
        require_own_names(path for other, path in found if other is fold)
    for _, path in found:
        require_scorable(path, series.image_shape)
    return found

"""Tomograms of other programs: re-projected at the tilt angles, and compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import zoom

from ...events import Progress
from ..hold_out.run import true_tilt
from ..hold_out.scores import TiltScored, tilt_scores
from ..prediction.baselines import re_projected
from ..sharing import part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...events import Job
    from ...intensity import IntensityStats
    from ...tilt_series import TiltSeries
    from ..hold_out.folds import Fold
    from ..hold_out.scores import Score
    from .placement import Placement


def score_tomogram(
    volume: NDArray[Any],
    method: str,
    series: TiltSeries,
    stats: IntensityStats,
    fold: Fold,
    placement: Placement,
    *,
    in_sample: bool = False,
) -> Job[tuple[Score, ...]]:
    """Re-project a placed tomogram at the hidden angles of a fold and compare.

    Parameters
    ----------
    volume : ndarray
        As in its file.
    method : str
        Name of its program.
    series : TiltSeries
        All tilts in use, hidden ones too.
    stats : IntensityStats
        Of all of these.
    fold : Fold
        Which tilts are compared.
    placement : Placement
        Fitted on visible tilts.
    in_sample : bool
        True where the tomogram was made from the hidden tilts too.

    Yields
    ------
    Progress, TiltScored
    """
    targets = series.angles[list(fold.hidden)]
    placed = placement.apply(volume)
    images = re_projected(placed, targets)
    scores: list[Score] = []
    for i, (image, index) in enumerate(zip(images, fold.hidden, strict=True)):
        truth = true_tilt(series, stats, index)
        predicted = _resized(image, truth.shape)
        found = tuple(
            tilt_scores(fold, method, series.angles[index], predicted, truth, in_sample=in_sample)
        )
        scores.extend(found)
        yield TiltScored(scores=found, predicted=predicted, truth=truth)
        yield Progress(
            stage=f"Re-projecting {method}",
            done=i + 1,
            total=len(fold.hidden),
            fraction=part((0.0, 1.0), i + 1, len(fold.hidden)),
        )
    return tuple(scores)


def in_sample(scores: Sequence[Score]) -> tuple[Score, ...]:
    """The same scores, marked as not to be ranked."""
    return tuple(replace(score, in_sample=True) for score in scores)


def _resized(image: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if image.shape == shape:
        return image
    factors = [n / m for n, m in zip(shape, image.shape, strict=True)]
    return np.asarray(zoom(image, factors, order=1), dtype=np.float32)

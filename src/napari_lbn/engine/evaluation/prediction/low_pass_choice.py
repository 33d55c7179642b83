"""How strongly the output of a method is low-passed, chosen on visible tilts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..metrics import correlation
from .baselines import low_passed

if TYPE_CHECKING:
    from ...events import CancelToken, Job
    from .predictors import Predictor, Visible

SIGMAS = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Pixels; widths of the low-pass among which visible tilts choose."""
CHOICE_ROWS = 96
"""Rows around the middle on which the width is chosen."""


def choose_sigma(
    predict: Predictor, visible: Visible, kind: str, cancel: CancelToken | None = None
) -> Job[float]:
    """Width of the low-pass that predicts visible tilts best from other visible tilts.

    Parameters
    ----------
    predict : Predictor
        The method whose output is low-passed.
    visible : Visible
        Its own tilts only are hidden and predicted here.
    kind : str
        Of the fold: at an edge the two outermost visible tilts are predicted, else every
        fifth.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Returns
    -------
    float
        Pixels.
    """
    included = visible.series.included
    inner = included[[0, -1]] if kind == "edge" else included[2::5]
    if included.size - inner.size < 2 or inner.size == 0:
        return 0.0
    height = visible.series.image_shape[0]
    start = max((height - CHOICE_ROWS) // 2, 0)
    rows = slice(start, min(start + CHOICE_ROWS, height))
    targets = visible.series.angles[inner]
    predicted = yield from predict(visible.without(inner), targets, rows, cancel)
    positions = np.flatnonzero(np.isin(included, inner))
    truth = [visible.normalised(int(i), rows) for i in positions]

    def score(sigma: float) -> float:
        smooth = low_passed(predicted, sigma)
        return float(np.mean([correlation(p, t) for p, t in zip(smooth, truth, strict=True)]))

    return max(SIGMAS, key=score)

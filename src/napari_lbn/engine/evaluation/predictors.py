"""Predictions of hidden tilts from visible ones, each a job that works in pieces.

A predictor gets a `Visible` and target angles, nothing else: the hidden tilts are excluded
from the series in it, and their statistics are not among its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..correct.tomogram import measured_rows
from ..events import CancelToken, Job, Progress, SlabReady, raise_if_cancelled
from ..geometry import measured_weights
from ..intensity import IntensityStats
from ..reconstruction.wbp import WBPSettings, reconstruct
from ..synthesis import SynthesisSettings, on_device, synthesize
from ..training.adaptation import AdaptationSettings, adapt
from .baselines import (
    Share,
    low_passed,
    nearest_shares,
    neighbour_shares,
    re_projected,
    sirt_slab,
    weighted_sum,
)
from .metrics import correlation

if TYPE_CHECKING:
    from ..network import LBN
    from ..tilt_series import TiltSeries

LBN_NAME = "LBN"
ADAPTED_NAME = "LBN adapted"
"""Weights adapted to the visible tilts of each fold: not zero-shot."""
WBP_NAME = "WBP re-projection"
SIRT_NAME = "SIRT re-projection"
NEIGHBOURS_NAME = "neighbour interpolation"
NEAREST_NAME = "nearest tilt"
LOW_PASSED = " (low-passed)"

SIGMAS = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Pixels; widths of the low-pass among which visible tilts choose."""
CHOICE_ROWS = 96
"""Rows around the middle on which the width is chosen."""
SIRT_ROWS = 128
"""Rows of y that SIRT works on at a time."""
ADAPTING = 0.9
"""Share of the progress of predicting with adapted weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Visible:
    """What a prediction may see.

    Attributes
    ----------
    series : TiltSeries
        Hidden tilts excluded.
    stats : IntensityStats
        Of the visible tilts only.
    wbp : WBPSettings
    synthesis : SynthesisSettings
    """

    series: TiltSeries
    stats: IntensityStats
    wbp: WBPSettings
    synthesis: SynthesisSettings

    def without(self, more: NDArray[np.intp]) -> Visible:
        """The same with these further tilts (indices into the angles) hidden."""
        keep = ~np.isin(self.series.included, more)
        hidden = self.series.excluded | {int(i) for i in more}
        return replace(self, series=self.series.with_excluded(hidden), stats=take(self.stats, keep))

    def normalised(self, position: int, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Rows of the visible tilt at this position, mean 0 and standard deviation 1."""
        tilt = self.series.read([self.series.included[position]], rows)[0]
        return self.stats.normalised(tilt, position)


Predictor = Callable[
    [Visible, NDArray[np.float64], slice, "CancelToken | None"], Job[NDArray[np.float32]]
]
"""Takes what is visible, target angles, rows of y and a token; gives ``(m, rows, x)``."""


def take(stats: IntensityStats, keep: NDArray[Any]) -> IntensityStats:
    """The statistics of some of the tilts; each was measured on its own tilt alone."""
    return IntensityStats(
        angles=stats.angles[keep],
        mean=stats.mean[keep],
        std=stats.std[keep],
        low=stats.low[keep],
        high=stats.high[keep],
    )


def lbn(network: LBN, latents: dict[int, Any] | None = None) -> Predictor:
    """The network; `latents` keeps encoded tilts between folds of one series.

    It sees whole tilts always: its normalisations take statistics over all rows.
    """

    def predict(
        visible: Visible, targets: NDArray[np.float64], rows: slice, cancel: CancelToken | None
    ) -> Job[NDArray[np.float32]]:
        result = yield from synthesize(
            visible.series,
            network,
            targets,
            visible.synthesis,
            stats=visible.stats,
            latents=latents,
            cancel=cancel,
        )
        return result.tilts[:, rows]

    return predict


def adapted_lbn(
    network: LBN, settings: AdaptationSettings, records: list[dict[str, Any]] | None = None
) -> Predictor:
    """The network adapted to the visible tilts of each fold, anew every time.

    Hidden tilts take part in nothing: neither do they train, nor do they choose the state.

    Parameters
    ----------
    network : LBN
        Left as it is; every fold begins with it.
    settings : AdaptationSettings
        How long, and how.
    records : list, optional
        Takes the record of each adaptation, with the angles that were hidden.
    """

    def predict(
        visible: Visible, targets: NDArray[np.float64], rows: slice, cancel: CancelToken | None
    ) -> Job[NDArray[np.float32]]:
        adapted = yield from adapt(
            visible.series, network, settings, fractions=(0.0, ADAPTING), cancel=cancel
        )
        if records is not None:
            records.append({"hidden": [round(float(t), 4) for t in targets], **adapted.record})
        with on_device(adapted.network, settings.device) as placed:
            return (yield from lbn(placed)(visible, targets, rows, cancel))

    return predict


def interpolation(shares: Callable[[Any, float], list[Share]]) -> Predictor:
    """Neighbour interpolation or the nearest tilt; reads only the tilts it needs."""

    def predict(
        visible: Visible, targets: NDArray[np.float64], rows: slice, cancel: CancelToken | None
    ) -> Job[NDArray[np.float32]]:
        out: list[NDArray[np.float32]] = []
        for target in targets:
            raise_if_cancelled(cancel)
            yield _begun(len(out), targets.size)
            chosen = shares(visible.stats.angles, float(target))
            images = np.stack([visible.normalised(i, rows) for i, _, _ in chosen])
            parts = [(k, mirrored, share) for k, (_, mirrored, share) in enumerate(chosen)]
            out.append(weighted_sum(images, parts))
        return np.stack(out)

    return predict


def wbp(
    visible: Visible, targets: NDArray[np.float64], rows: slice, cancel: CancelToken | None
) -> Job[NDArray[np.float32]]:
    """Re-projection of the WBP of the visible tilts, slab after slab of y."""
    height, width = visible.series.image_shape
    count = len(range(*rows.indices(height)))
    start = rows.indices(height)[0]
    out = np.empty((targets.size, count, width), np.float32)
    read = measured_rows(visible.series, visible.stats)
    angles = visible.stats.angles
    job = reconstruct(
        lambda part: read(slice(part.start + start, part.stop + start)),
        angles,
        measured_weights(angles, cap_gaps=visible.wbp.cap_gaps),
        (count, width),
        visible.wbp,
        cancel=cancel,
    )
    for event in job:
        if isinstance(event, SlabReady):
            tilts = re_projected(event.slab, targets, device=visible.wbp.device)
            out[:, event.y_start : event.y_stop] = tilts
        else:
            yield event
    return out


def sirt(
    visible: Visible, targets: NDArray[np.float64], rows: slice, cancel: CancelToken | None
) -> Job[NDArray[np.float32]]:
    """Re-projection of a SIRT reconstruction of the visible tilts, some rows of y at a time."""
    height, width = visible.series.image_shape
    start, stop, _ = rows.indices(height)
    out = np.empty((targets.size, stop - start, width), np.float32)
    for y in range(start, stop, SIRT_ROWS):
        raise_if_cancelled(cancel)
        yield _begun(y - start, stop - start)
        part = slice(y, min(y + SIRT_ROWS, stop))
        tilts = np.stack([visible.normalised(i, part) for i in range(visible.stats.angles.size)])
        device = visible.wbp.device
        slab = sirt_slab(tilts, visible.stats.angles, visible.wbp.thickness, device=device)
        out[:, part.start - start : part.stop - start] = re_projected(slab, targets, device=device)
    return out


def _begun(done: int, total: int) -> Progress:
    return Progress(stage="Predicting", done=done, total=total, fraction=done / total)


BASELINES: dict[str, Predictor] = {
    WBP_NAME: wbp,
    SIRT_NAME: sirt,
    NEIGHBOURS_NAME: interpolation(neighbour_shares),
    NEAREST_NAME: interpolation(nearest_shares),
}


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

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

from ...angular_weights import measured_weights
from ...correct.rows import measured_rows
from ...events import CancelToken, Job, Progress, SlabReady, raise_if_cancelled
from ...intensity import IntensityStats
from ...reconstruction.wbp import WBPSettings, reconstruct
from .baselines import (
    Share,
    nearest_shares,
    neighbour_shares,
    re_projected,
    sirt_slab,
    weighted_sum,
)

if TYPE_CHECKING:
    from ...synthesis import SynthesisSettings
    from ...tilt_series import TiltSeries

LBN_NAME = "LBN"
ADAPTED_NAME = "LBN adapted"
"""Weights adapted to the visible tilts of each fold: not zero-shot."""
WBP_NAME = "WBP re-projection"
SIRT_NAME = "SIRT re-projection"
NEIGHBOURS_NAME = "neighbour interpolation"
NEAREST_NAME = "nearest tilt"
LOW_PASSED = " (low-passed)"

SIRT_ROWS = 128
"""Rows of y that SIRT works on at a time."""


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
        measured_weights(angles),
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

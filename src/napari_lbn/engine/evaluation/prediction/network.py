"""Predictions of hidden tilts by the network, as it is or adapted to the visible tilts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...synthesis import on_device, synthesize
from ...training.adaptation import AdaptationSettings, adapt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...events import CancelToken, Job
    from ...network import LBN
    from ...synthesis import Latents
    from .predictors import Predictor, Visible

ADAPTING = 0.9
"""Share of the progress of predicting with adapted weights."""


def lbn(network: LBN, latents: Latents | None = None) -> Predictor:
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

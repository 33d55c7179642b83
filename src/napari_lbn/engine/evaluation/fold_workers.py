"""How many folds are predicted side by side, and the encoded tilts that they share."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..correct.tomogram import measure_intensities
from ..cost import network_memory
from ..device import choose_device, default_memory_bound
from ..synthesis import encode
from .predictors import take
from .side_by_side import side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..correct import CorrectionPlan, CorrectionSettings
    from ..events import CancelToken, Job
    from ..network import LBN
    from ..synthesis import SynthesisSettings
    from ..tilt_series import TiltSeries


def folds_at_a_time(chosen: CorrectionPlan, settings: CorrectionSettings, count: int) -> int:
    """As many as there are threads, folds, and room for in the memory bound; at least 1.

    A graphics card is busy with one fold. So is whoever adapts weights for so many minutes.

    Parameters
    ----------
    chosen : CorrectionPlan
        Sizes and weights.
    settings : CorrectionSettings
        Device and memory bound.
    count : int
        Folds.
    """
    device = choose_device(settings.device)
    if device.type != "cpu" or settings.adapt_minutes:
        return 1
    bound = settings.memory_bound or default_memory_bound(device)
    tilts = chosen.measured_angles.size
    each = network_memory(
        chosen.weights.config,
        chosen.image_shape,
        chosen.thickness,
        tilts,
        tilts,
        device=settings.device,
        bound=sys.maxsize,  # in whole pieces: in smaller ones a fold takes longer
    )
    return max(min(torch.get_num_threads(), count, bound // each), 1)


def encode_all(
    series: TiltSeries,
    network: LBN,
    settings: SynthesisSettings,
    workers: int,
    *,
    fractions: tuple[float, float],
    cancel: CancelToken | None = None,
) -> Job[dict[int, Any]]:
    """Every tilt encoded once, each on its own; a fold takes those that it may see.

    Parameters
    ----------
    series : TiltSeries
        At the working pixel size.
    network : LBN
        In evaluation mode.
    settings : SynthesisSettings
        Device, and the memory bound of each worker.
    workers : int
        Shares of the tilts that are encoded side by side.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Returns
    -------
    dict
        Latents by index into the angles.
    """
    stats = measure_intensities(series, cancel)
    latents: dict[int, Any] = {}

    def start(share: NDArray[np.intp], token: CancelToken) -> Job[None]:
        others = series.excluded | {int(i) for i in np.setdiff1d(series.included, share)}
        own = take(stats, np.isin(series.included, share))
        return encode(series.with_excluded(others), network, settings, own, latents, cancel=token)

    yield from side_by_side(
        [partial(start, share) for share in np.array_split(series.included, workers)],
        workers,
        stage="Encoding tilts",
        fractions=fractions,
        cancel=cancel,
    )
    return latents

"""What each of the folds side by side may take, and the encoded tilts that they share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...correct.rows import measure_intensities
from ...cost.estimates import network_memory
from ...cost.memory import HOST_BYTES, beside_network
from ...device import choose_device, default_memory_bound
from ...synthesis import encode
from ..prediction.predictors import take
from ..side_by_side import side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...correct import CorrectionPlan, CorrectionSettings
    from ...events import CancelToken, Job
    from ...network import LBN
    from ...synthesis import Latents, SynthesisSettings
    from ...tilt_series import TiltSeries


@dataclass(frozen=True, kw_only=True)
class FoldShare:
    """What a fold gets of the machine.

    Attributes
    ----------
    workers : int
        Folds at a time.
    memory_bound : int or None
        Bytes for each, the program itself counted as in the user's bound; that bound for one.
    """

    workers: int
    memory_bound: int | None


def share_of_folds(chosen: CorrectionPlan, settings: CorrectionSettings, count: int) -> FoldShare:
    """As many at a time as there are threads, folds, and room for; at least 1.

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
    device, tilts = choose_device(settings.device), chosen.measured_angles.size
    given = settings.memory_bound
    spare = default_memory_bound(device) if given is None else int(given - HOST_BYTES)
    workers = 1
    if device.type == "cpu" and not settings.adapt_minutes:
        each = network_memory(
            chosen.weights.config,
            chosen.image_shape,
            chosen.thickness,
            tilts,
            tilts,
            device=settings.device,
            bound=sys.maxsize,  # in whole pieces: in smaller ones a fold takes longer
        )
        each += beside_network(chosen.image_shape, tilts, tilts, device="cpu", whole=False)
        workers = max(min(torch.get_num_threads(), count, spare // each), 1)
    if workers == 1:
        return FoldShare(workers=1, memory_bound=given)
    return FoldShare(workers=workers, memory_bound=int(spare // workers + HOST_BYTES))


def encode_all(
    series: TiltSeries,
    network: LBN,
    settings: SynthesisSettings,
    workers: int,
    *,
    fractions: tuple[float, float],
    cancel: CancelToken | None = None,
) -> Job[Latents]:
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
        As `synthesize` takes them.
    """
    stats = measure_intensities(series, cancel)
    latents: Latents = {}

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

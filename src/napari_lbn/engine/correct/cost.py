"""What the settings of a correction ask of this machine: work and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..cost.estimates import CorrectionWork, estimate_memory, network_memory
from ..network.config import LBNConfig
from ..synthesis.smoothing import some_tilts, tells_noise
from ..training.examples.draw import TrainingSeries

if TYPE_CHECKING:
    from ..io.weights.info import WeightsInfo
    from .settings import CorrectionSettings


def work_of(
    info: WeightsInfo,
    settings: CorrectionSettings,
    shape: tuple[int, int],
    counts: tuple[int, int],
) -> CorrectionWork:
    """How much there is to do.

    Parameters
    ----------
    info : WeightsInfo
        The weights that will be used.
    settings : CorrectionSettings
        As they will be given to `correct`.
    shape : tuple of int
        (y, x) working pixels.
    counts : tuple of int
        Tilts measured, and to be synthesized.
    """
    measured, new = counts
    looks = settings.smooth and tells_noise(LBNConfig.from_dict(info.config))
    return CorrectionWork(
        shape=shape,
        thickness=settings.thickness,
        measured=measured,
        synthesized=new,
        decoded=_decoded(info, settings, measured, new),
        looks=some_tilts(measured).size if looks else 0,
        jackknife=settings.jackknife,
        mirrored=settings.mirrored,
    )


def memory_of(
    info: WeightsInfo, settings: CorrectionSettings, work: CorrectionWork, *, streamed: bool
) -> int:
    """Bytes of host memory, an adaptation of the weights included; see `plan`."""
    kept = 0 if streamed else 2 + settings.denoised
    made = work.decoded * (1 + settings.mirrored)
    memory = estimate_memory(work.thickness, work.shape, made + work.measured, volumes=kept)
    memory += network_memory(
        info.config,
        work.shape,
        work.thickness,
        work.measured,
        made,
        device=settings.device,
        bound=settings.memory_bound,
        jackknife=work.jackknife,
    )
    if not settings.adapt_minutes:
        return memory
    return max(memory, _adaptation_memory(info, settings, work))


def _decoded(info: WeightsInfo, settings: CorrectionSettings, measured: int, new: int) -> int:
    """Tilts that leave the decoder."""
    count = new + (measured if settings.at_measured else 0)
    if settings.denoised and info.config.get("box_widths"):
        count += measured  # of the box alone as well
    return count


def _adaptation_memory(
    info: WeightsInfo, settings: CorrectionSettings, work: CorrectionWork
) -> int:
    """Bytes that adapting the weights takes, activations above all."""
    from ..training.cost import estimate_training

    # only its shape counts here
    tilts = np.broadcast_to(np.float32(0), (work.measured, *work.shape))
    series = TrainingSeries(tilts=tilts, angles=np.zeros(work.measured))
    config = LBNConfig.from_dict(info.config)
    wanted = settings.for_adaptation().for_training()
    return estimate_training(config, [series], wanted).memory_bytes

"""The main job: synthesize the missing wedge, reconstruct with and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..binning import bin_series
from ..events import CancelToken, Job, Notice, Progress
from ..io.weights import load_network
from ..provenance import describe_run
from ..synthesis import Synthesis, on_device, synthesize
from .alteration import AlterationMeter, as_record, metered
from .plan import CorrectionPlan, plan
from .preview import preview
from .result import CorrectionResult
from .tomogram import measure_intensities, reconstruct_measured, reconstruct_synthesized

if TYPE_CHECKING:
    from ..tilt_series import TiltSeries
    from .settings import CorrectionSettings

SYNTHESIS_SHARE = 0.8
"""Of the progress bar; WBP has the rest."""


def correct(
    series: TiltSeries, settings: CorrectionSettings, *, cancel: CancelToken | None = None
) -> Job[CorrectionResult]:
    """Fill the missing wedge of a tilt series and reconstruct both tomograms.

    Yields
    ------
    Notice, SlabReady, Progress, TiltReady
        First notices; on request a preview of both parts of one XZ slab; then every tilt;
        then the slabs of part "measured", then those of part "synthesized".

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, Cancelled
    """
    chosen = plan(series, settings)
    for notice in chosen.notices:
        yield Notice(message=notice)
    yield Progress(stage="Reading the tilt series", done=0, total=1, fraction=0.0)
    working = bin_series(series, chosen.binning, cancel=cancel)
    synthesis = yield from _synthesize(working, chosen, settings, cancel)
    measured = chosen.measured_angles
    share = measured.size / (measured.size + chosen.new_angles.size)
    middle = SYNTHESIS_SHARE + (1 - SYNTHESIS_SHARE) * share
    wbp = settings.for_wbp()
    meter, height = AlterationMeter(measured), chosen.image_shape[0]
    job = reconstruct_measured(
        working, synthesis.stats, wbp, fractions=(SYNTHESIS_SHARE, middle), cancel=cancel
    )
    yield from metered(job, meter, height)
    job = reconstruct_synthesized(
        synthesis, measured, chosen.image_shape, wbp, fractions=(middle, 1.0), cancel=cancel
    )
    yield from metered(job, meter, height)
    alteration = meter.result()
    return CorrectionResult(
        series=working,
        original=series,
        angles=synthesis.angles,
        synthesized=~np.isin(synthesis.angles, measured),
        tilts=synthesis.tilts,
        alteration=alteration,
        provenance={
            **describe_run(series, working, chosen, settings),
            "alteration": as_record(alteration),
        },
    )


def _synthesize(
    working: TiltSeries,
    chosen: CorrectionPlan,
    settings: CorrectionSettings,
    cancel: CancelToken | None,
) -> Job[Synthesis]:
    """The preview on request, then tilts at every angle."""
    stats = measure_intensities(working, cancel)
    angles = chosen.new_angles
    if settings.reproject_measured:
        angles = np.unique(np.concatenate([angles, chosen.measured_angles]))
    with on_device(load_network(chosen.weights), settings.device) as network:
        if settings.preview:
            yield Progress(stage="Synthesizing a preview", done=0, total=1, fraction=0.0)
            yield from preview(working, network, chosen, settings, stats, cancel)
        return (
            yield from synthesize(
                working,
                network,
                angles,
                settings.for_synthesis(),
                stats=stats,
                fractions=(0.0, SYNTHESIS_SHARE),
                cancel=cancel,
            )
        )

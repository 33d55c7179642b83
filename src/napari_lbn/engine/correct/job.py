"""The main job: synthesize the missing wedge, reconstruct with and without it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..binning import bin_series
from ..events import CancelToken, Event, Job, Notice, Progress
from ..io.weights.file import load_network
from ..provenance import describe_run
from ..synthesis import Synthesis, on_device, synthesize
from ..synthesis.smoothing import in_words
from .alteration import AlterationMeter, as_record, metered
from .network import ready_network
from .plan import CorrectionPlan, plan
from .preview import preview
from .result import CorrectionResult
from .rows import measure_intensities
from .tomogram import reconstruct_denoised, reconstruct_measured, reconstruct_synthesized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..tilt_series import TiltSeries
    from .settings import CorrectionSettings

SYNTHESIS_SHARE = 0.8
"""Of the progress bar after an adaptation; WBP has the rest."""


def correct(
    series: TiltSeries, settings: CorrectionSettings, *, cancel: CancelToken | None = None
) -> Job[CorrectionResult]:
    """Fill the missing wedge of a tilt series and reconstruct both tomograms.

    Yields
    ------
    Notice, SlabReady, Progress, AdaptationScored, TiltReady
        First notices; on request a preview of both parts of one XZ slab; the adaptation of
        the weights where asked for; then every tilt; then the slabs of part "measured",
        those of part "synthesized", and where asked for those of part "denoised".

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, Cancelled
    """
    chosen = plan(series, settings)
    for notice in chosen.notices:
        yield Notice(message=notice)
    yield Progress(stage="Reading the tilt series", done=0, total=1, fraction=0.0)
    working = bin_series(series, chosen.binning, cancel=cancel)
    stats = measure_intensities(working, cancel)
    shares = _shares(chosen, settings)
    if settings.preview:
        yield Progress(stage="Synthesizing a preview", done=0, total=1, fraction=0.0)
        with on_device(load_network(chosen.weights), settings.device) as network:
            yield from preview(working, network, chosen, settings, stats, cancel)
    ready = yield from ready_network(
        working, chosen, settings, fractions=shares["adapt"], cancel=cancel
    )
    with on_device(ready.network, settings.device) as network:
        synthesis = yield from synthesize(
            working,
            network,
            _angles(chosen, settings),
            replace(settings.for_wedge(), box_everywhere=settings.denoised),
            stats=stats,
            fractions=shares["synthesize"],
            cancel=cancel,
        )
    if synthesis.smoothing:
        yield Notice(message=in_words(synthesis.smoothing))
    meter = AlterationMeter(chosen.measured_angles, chosen.new_angles)
    yield from _reconstruct(working, synthesis, chosen, settings, meter, shares, cancel)
    alteration = meter.result()
    return CorrectionResult(
        series=working,
        original=series,
        angles=synthesis.angles,
        synthesized=~np.isin(synthesis.angles, chosen.measured_angles),
        tilts=synthesis.tilts,
        alteration=alteration,
        provenance={
            **describe_run(series, working, chosen, settings),
            "adaptation": ready.adaptation,
            "smoothed_by_pixels": synthesis.smoothing,
            "alteration": as_record(alteration),
        },
    )


def _angles(chosen: CorrectionPlan, settings: CorrectionSettings) -> NDArray[np.float64]:
    """Degrees, ascending, at which the network makes a tilt."""
    if not settings.at_measured:
        return chosen.new_angles
    return np.unique(np.concatenate([chosen.new_angles, chosen.measured_angles]))


def _reconstruct(
    working: TiltSeries,
    synthesis: Synthesis,
    chosen: CorrectionPlan,
    settings: CorrectionSettings,
    meter: AlterationMeter,
    shares: dict[str, tuple[float, float]],
    cancel: CancelToken | None,
) -> Iterator[Event]:
    """The slabs of every tomogram, one part after the other."""
    wbp, measured, shape = settings.for_wbp(), chosen.measured_angles, chosen.image_shape
    job = reconstruct_measured(
        working, synthesis.stats, wbp, fractions=shares["measured"], cancel=cancel
    )
    yield from metered(job, meter, shape[0])
    job = reconstruct_synthesized(
        synthesis, working, wbp, fractions=shares["synthesized"], cancel=cancel
    )
    yield from metered(job, meter, shape[0])
    if settings.denoised:
        yield from reconstruct_denoised(
            synthesis, measured, shape, wbp, fractions=shares["denoised"], cancel=cancel
        )


def _shares(chosen: CorrectionPlan, settings: CorrectionSettings) -> dict[str, tuple[float, float]]:
    """Where each stage begins and ends in the progress of the whole job."""
    measured, new = chosen.measured_angles.size, chosen.new_angles.size
    tilts = {"measured": measured, "synthesized": new}
    if settings.denoised:
        tilts["denoised"] = measured + new
    begin = 60 * settings.adapt_minutes / chosen.seconds
    rest = 1 - begin
    ends = {"adapt": begin, "synthesize": begin + rest * SYNTHESIS_SHARE}
    done = 0
    for name, count in tilts.items():
        done += count
        part = done / sum(tilts.values())
        ends[name] = begin + rest * (SYNTHESIS_SHARE + (1 - SYNTHESIS_SHARE) * part)
    starts = [0.0, *ends.values()]
    return {name: (start, end) for (name, end), start in zip(ends.items(), starts, strict=False)}

"""Measured tilts, alone or with synthesized ones, as a source that every method takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..angular_weights import measured_weights, synthesized_weights
from ..binning import bin_series
from ..events import Notice
from ..provenance import describe_run
from ..reconstruction import TiltSource, augment
from ..synthesis import on_device, synthesize
from ..synthesis.smoothing import in_words
from .network import ready_network
from .plan import plan
from .rows import measure_intensities, measured_rows, synthesized_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job
    from ..intensity import IntensityStats
    from ..tilt_series import TiltSeries
    from .settings import CorrectionSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class AugmentedSource:
    """Tilts with the wedge filled, and how that came about.

    Attributes
    ----------
    source : TiltSource
        Measured and synthesized tilts, ascending in angle.
    series : TiltSeries
        The working series, binned where the weights asked for it.
    provenance : dict
    """

    source: TiltSource
    series: TiltSeries
    provenance: dict[str, Any]


def measured_source(
    series: TiltSeries, stats: IntensityStats, *, subtract: bool = True
) -> TiltSource:
    """The measured tilts of a series.

    Parameters
    ----------
    series : TiltSeries
        Read as needed.
    stats : IntensityStats
        Of its included tilts.
    subtract : bool
        Bring every tilt to mean 0 on one common scale. Without it intensities stay as
        they are in the file, hot pixels clipped: for projections of a density.
    """

    def as_they_are(rows: slice) -> NDArray[np.float32]:
        tilts = series.read(rows=rows)
        return np.stack([stats.clipped(tilt, i) for i, tilt in enumerate(tilts)])

    return TiltSource(
        read_rows=measured_rows(series, stats) if subtract else as_they_are,
        angles=series.included_angles,
        shape_yx=series.image_shape,
        weights=measured_weights(series.included_angles),
    )


def augmented_source(
    series: TiltSeries,
    settings: CorrectionSettings,
    *,
    alpha: float = 1.0,
    cancel: CancelToken | None = None,
) -> Job[AugmentedSource]:
    """Synthesize the missing wedge, and give all tilts as one source.

    Parameters
    ----------
    series : TiltSeries
        As it is; binned as the weights ask for.
    settings : CorrectionSettings
        What is synthesized, with which weights; its filter does not matter here.
    alpha : float
        How much synthesized tilts count, 0 to 1.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Yields
    ------
    Notice, Progress, AdaptationScored, TiltReady

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, Cancelled
    """
    chosen = plan(series, settings)
    for notice in chosen.notices:
        yield Notice(message=notice)
    working = bin_series(series, chosen.binning, cancel=cancel)
    stats = measure_intensities(working, cancel)
    source = measured_source(working, stats)
    record = describe_run(series, working, chosen, settings)
    record |= {"adaptation": None, "alpha": alpha}
    new = chosen.new_angles
    if new.size:
        begin = 60 * settings.adapt_minutes / chosen.seconds
        ready = yield from ready_network(
            working, chosen, settings, fractions=(0.0, begin), cancel=cancel
        )
        record["adaptation"] = ready.adaptation
        with on_device(ready.network, settings.device) as network:
            synthesis = yield from synthesize(
                working,
                network,
                new,
                settings.for_wedge(),
                stats=stats,
                fractions=(begin, 1.0),
                cancel=cancel,
            )
        record["smoothed_by_pixels"] = synthesis.smoothing
        if synthesis.smoothing:
            yield Notice(message=in_words(synthesis.smoothing))
        added = TiltSource(
            read_rows=synthesized_rows(synthesis.tilts, synthesis.angles, stats),
            angles=synthesis.angles,
            shape_yx=working.image_shape,
            weights=synthesized_weights(source.angles, synthesis.angles),
        )
        source = augment(source, added, alpha=alpha)
    return AugmentedSource(source=source, series=working, provenance=record)

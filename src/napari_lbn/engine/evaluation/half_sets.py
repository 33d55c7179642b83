"""FSC of two corrections, each from every other tilt.

The halves share no measured tilt, so outside the wedge their agreement is evidence. Inside
it one network filled both: there the curve is a consistency, never a resolution.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..correct import correct, plan
from ..events import Progress, SlabReady
from .fsc import fourier_shell_correlation
from .sharing import shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..correct import CorrectionSettings
    from ..events import CancelToken, Job
    from ..tilt_series import TiltSeries
    from .fsc import FSCCurve


def half_set_curves(
    series: TiltSeries, settings: CorrectionSettings, *, cancel: CancelToken | None = None
) -> Job[dict[str, FSCCurve]]:
    """Correct each half of the tilts and correlate the tomograms, region by region.

    Parameters
    ----------
    series : TiltSeries
        At least four tilts in use.
    settings : CorrectionSettings
        Of both corrections.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Returns
    -------
    dict
        `FSCCurve` by region.
    """
    chosen = plan(series, settings)
    shape = (chosen.thickness, *chosen.image_shape)
    settings = replace(settings, preview=False, reproject_measured=False, binning=chosen.binning)
    volumes = []
    for half in range(2):
        hidden = series.excluded | {int(i) for i in series.included[1 - half :: 2]}
        volume: NDArray[np.float32] = np.zeros(shape, np.float32)
        for event in correct(series.with_excluded(hidden), settings, cancel=cancel):
            if isinstance(event, SlabReady):
                volume[:, event.y_start : event.y_stop] += event.slab
            elif isinstance(event, Progress):
                fraction = 0.45 * (half + event.fraction)
                yield replace(event, stage=f"Half-set {half + 1} of 2", fraction=fraction)
        volumes.append(volume)
    job = fourier_shell_correlation(
        volumes[0],
        volumes[1],
        series.included_angles,
        pixel_size=chosen.pixel_size,
        same_network=True,
        cancel=cancel,
    )
    return (yield from shared(job, (0.9, 1.0)))

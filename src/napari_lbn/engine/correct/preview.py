"""One XZ slab in seconds, from tilts synthesized for a band of rows only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..events import CancelToken, SlabReady, drain
from ..reconstruction.wbp import back_project_slab
from ..synthesis import synthesize
from .rows import measured_rows, synthesized_rows
from .tomogram import added_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ..intensity import IntensityStats
    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .plan import CorrectionPlan
    from .settings import CorrectionSettings

BAND_ROWS = 64
"""Rows of y from which the preview's tilts are synthesized."""
SLAB_ROWS = 8
"""Rows of y that the preview reconstructs."""


def preview(
    series: TiltSeries,
    network: LBN,
    chosen: CorrectionPlan,
    settings: CorrectionSettings,
    stats: IntensityStats,
    cancel: CancelToken | None = None,
) -> Iterator[SlabReady]:
    """Both parts of a slab around the middle row, `SlabReady` with ``preview=True``.

    The network's statistics are those of the band, so the final slab differs slightly.
    """
    height = series.image_shape[0]
    band, slab = _middle(height, BAND_ROWS), _middle(height, SLAB_ROWS)
    wbp, measured, new = settings.for_wbp(), chosen.measured_angles, chosen.new_angles
    yield _slab_ready(
        "measured",
        slab,
        back_project_slab(measured_rows(series, stats)(slab), measured, None, wbp),
    )
    if new.size == 0:
        return
    quick = replace(settings.for_wedge(band), mirrored=False)
    synthesis = drain(synthesize(series, network, new, quick, stats=stats, cancel=cancel))
    inner = slice(slab.start - band.start, slab.stop - band.start)
    rows = synthesized_rows(synthesis.tilts, new, stats)(inner)
    added = added_source(lambda _: rows, new, series, stats, wbp.filter)
    tilts = added.read_rows(slab)
    volume = back_project_slab(tilts, added.angles, added.weights, wbp)
    yield _slab_ready("synthesized", slab, volume)


def _slab_ready(part: str, rows: slice, volume: NDArray[np.float32]) -> SlabReady:
    return SlabReady(part=part, y_start=rows.start, y_stop=rows.stop, slab=volume, preview=True)


def _middle(size: int, count: int) -> slice:
    start = max((size - count) // 2, 0)
    return slice(start, min(start + count, size))

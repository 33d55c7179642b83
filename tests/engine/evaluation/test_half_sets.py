"""Half-sets: a resolution outside the wedge, a consistency elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.correct import CorrectionSettings
from napari_lbn.engine.evaluation.fsc import CONSISTENCY, RESOLUTION
from napari_lbn.engine.evaluation.half_sets import half_set_curves
from napari_lbn.engine.events import Progress, drain
from napari_lbn.engine.fourier_regions import GLOBAL, INSIDE, OUTSIDE
from napari_lbn.engine.tilt_series import TiltSeries


def test_halves_agree_where_tilts_were_measured(particles: TiltSeries, small_weights: Path) -> None:
    settings = CorrectionSettings(thickness=20, weights=small_weights, device="cpu")
    events: list = []
    curves = drain(half_set_curves(particles, settings), events.append)
    assert curves[OUTSIDE].meaning == RESOLUTION
    assert curves[INSIDE].meaning == curves[GLOBAL].meaning == CONSISTENCY
    assert curves[INSIDE].resolution(0.143) is None
    known = curves[OUTSIDE].correlation
    assert np.nanmax(known[:6]) > 0.5
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1, abs=0.1)

"""What synthesized tilts change: the wedge, not what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.angular_weights import (
    measured_weights,
    synthesized_weights,
    weights_given_up,
)
from napari_lbn.engine.correct import CorrectionSettings, correct
from napari_lbn.engine.correct.alteration import AlterationMeter, as_record
from napari_lbn.engine.events import SlabReady, drain
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.tilt_series import TiltSeries

ANGLES = np.arange(-60.0, 61, 3)
SETTINGS = WBPSettings(thickness=48)


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4, 96)).astype(np.float32)


def back_projected(angles: np.ndarray, weights: np.ndarray, seed: int = 6) -> np.ndarray:
    return back_project_slab(noise(angles.size, seed), angles, weights, SETTINGS)


def test_synthesized_tilts_alter_the_wedge_and_measured_ones_the_rest() -> None:
    new = np.setdiff1d(np.arange(-87.0, 91, 3), ANGLES)
    measured = back_projected(ANGLES, measured_weights(ANGLES))
    added = back_projected(new, synthesized_weights(ANGLES, new), 7)
    meter = AlterationMeter(ANGLES)
    meter.add_synthesized(added[:, :2])
    meter.add_measured(measured)
    meter.add_synthesized(added[:, 2:])
    found = meter.result()
    assert found.added_inside > 0.3
    assert found.changed_outside < 0.35 * found.added_inside
    altered = AlterationMeter(ANGLES)
    altered.add_measured(measured)
    altered.add_synthesized(0.5 * measured)
    assert altered.result().changed_outside == pytest.approx(0.5)
    assert "50 %" in altered.result().sentence


def test_filling_an_interior_gap_is_no_alteration() -> None:
    """Where nothing was measured, nothing can be altered."""
    gap = ANGLES[np.abs(ANGLES - 30) > 8]
    new = np.setdiff1d(ANGLES, gap)
    measured = back_projected(gap, measured_weights(gap, cap_gaps=True))
    added = back_projected(new, synthesized_weights(gap, new))
    found = {}
    for name, angles in (("gap", gap), ("none", ANGLES)):
        meter = AlterationMeter(angles)
        meter.add_measured(measured)
        meter.add_synthesized(added)
        found[name] = meter.result().changed_outside
    assert found["gap"] < 0.5 * found["none"]


def test_what_tilts_beside_a_filled_gap_give_up_is_no_alteration_of_the_others() -> None:
    gap = ANGLES[np.abs(ANGLES - 30) > 8]
    new = np.setdiff1d(ANGLES, gap)
    given_up = weights_given_up(gap, new)
    assert list(gap[given_up < 0]) == [21, 39]
    measured = back_projected(gap, measured_weights(gap))
    added = back_projected(gap, given_up)
    found = {}
    for name, filled in (("told", new), ("not told", ())):
        meter = AlterationMeter(gap, filled)
        meter.add_measured(measured)
        meter.add_synthesized(added)
        found[name] = meter.result().changed_outside
    assert found["told"] < 0.8 * found["not told"]  # directions blur in a thin slab


def test_slabs_of_any_height_give_the_same_figure() -> None:
    """Rows are sampled by where they lie in the tomogram, not in their slab."""
    measured = np.random.default_rng(1).normal(size=(16, 300, 32)).astype(np.float32)
    figures = []
    for rows in (1, 7, 300):
        meter = AlterationMeter(ANGLES)
        for start in range(0, 300, rows):
            slab = measured[:, start : start + rows]
            for part, values in (("measured", slab), ("synthesized", 0.2 * slab**2)):
                stop = start + slab.shape[1]
                event = SlabReady(part=part, y_start=start, y_stop=stop, slab=values)
                meter.take(event, 300)
        figures.append(meter.result().added_inside)
    assert figures == pytest.approx([figures[0]] * 3)


@pytest.mark.parametrize("scale", [1e-36, 1e36])
def test_the_figures_do_not_depend_on_the_unit(scale: float) -> None:
    """Squares of such values are no float32."""
    measured = back_projected(ANGLES, measured_weights(ANGLES))
    found = []
    for unit in (1.0, scale):
        meter = AlterationMeter(ANGLES)
        meter.add_measured((unit * measured).astype(np.float32))
        meter.add_synthesized((0.5 * unit * measured).astype(np.float32))
        found.append(meter.result().changed_outside)
    assert found == pytest.approx([0.5, 0.5], rel=1e-4)


def test_a_tomogram_that_is_not_finite_has_no_figures() -> None:
    measured = back_projected(ANGLES, measured_weights(ANGLES))
    measured[3, 1, 5] = np.inf
    meter = AlterationMeter(ANGLES)
    meter.add_measured(measured)
    meter.add_synthesized(measured)
    found = meter.result()
    assert "nan" not in found.sentence
    assert "could not be measured" in found.sentence
    assert as_record(found)["changed_outside"] is None
    assert found.times(0.5).sentence == found.sentence


def test_every_run_says_what_it_changed(small_series: TiltSeries, small_weights: Path) -> None:
    settings = CorrectionSettings(thickness=24, weights=small_weights, device="cpu")
    result = drain(correct(small_series, settings))
    assert 0 <= result.alteration.changed_outside < result.alteration.added_inside
    record = result.provenance["alteration"]
    assert record["changed_outside"] == result.alteration.changed_outside
    assert record["in_words"] == result.alteration.sentence


def test_nothing_measured_is_nothing_changed() -> None:
    assert AlterationMeter(ANGLES).result().changed_outside == 0

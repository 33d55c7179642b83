"""Curves can be read: the axis is the curve's own, and every baseline is in it or named."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.training.curves.plots import draw_correlation, draw_curves, draw_training
from napari_lbn.engine.training.curves.read import Curves
from napari_lbn.engine.training.curves.scale import SMALLEST, scale_to


@pytest.fixture
def axes() -> Any:
    return pytest.importorskip("matplotlib.figure").Figure().subplots()


VALUES = st.floats(0, 2) | st.just(math.nan)
BASELINES = st.dictionaries(st.sampled_from("abcd"), VALUES)


@given(own=st.lists(VALUES, max_size=6), baselines=BASELINES)
def test_the_curve_and_every_baseline_are_told(own: list[float], baselines: dict[str, float]):
    scale = scale_to(own, baselines)
    finite = [value for value in own if math.isfinite(value)]
    known = {name: value for name, value in baselines.items() if math.isfinite(value)}
    if not finite and not known:
        assert scale is None
        return
    assert scale is not None
    assert all(scale.low < value < scale.high for value in finite)
    assert scale.high - scale.low >= SMALLEST
    for name, value in known.items():
        assert [value in scale, name in scale.below, name in scale.above].count(True) == 1
    assert all(value < scale.low for value in scale.below.values())
    assert all(value > scale.high for value in scale.above.values())
    if known:
        assert any(value in scale for value in known.values())


@given(own=st.lists(st.floats(0, 1), min_size=1, max_size=6), far=st.floats(10, 1e6))
def test_a_far_baseline_stretches_nothing(own: list[float], far: float):
    near = max(own)
    alone, beside = scale_to(own, {"near": near}), scale_to(own, {"near": near, "far": far})
    assert alone is not None
    assert beside is not None
    assert beside.low == alone.low
    assert beside.high - beside.low <= 1.5 * (alone.high - alone.low)
    assert beside.above == {"far": far}


def test_a_small_gain_fills_the_axis_of_a_fine_tuning():
    """Figures of a cell at 20 Å: the neighbours lie thirty times as far as the gain."""
    scale = scale_to(
        (0.785, 0.786, 0.788), {"before": 0.785, "neighbours": 0.711, "WBP re-projection": 0.557}
    )
    assert scale is not None
    assert scale.high - scale.low < 0.015
    assert list(scale.below) == ["neighbours", "WBP re-projection"]


CURVES = Curves(
    epochs=(1, 2),
    training=(0.6, 0.5),
    validation=(0.4, 0.3),
    correlations=((0.74, 0.75), (0.8, 0.81), (0.9, 0.91)),
    baselines={
        "neighbours": {"correlation_1x1": 0.73, "validation_mse": 0.5},
        "WBP re-projection": {"correlation_1x1": 0.4, "validation_mse": 0.9},
        "before training": {"correlation_1x1": 0.735, "validation_mse": 0.41},
    },
)


def test_the_curve_begins_with_the_weights_at_the_start(axes: Any):
    draw_correlation(axes, CURVES)
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["LBN"].get_xdata()) == [0, 1, 2]
    assert list(lines["LBN"].get_ydata()) == [0.735, 0.74, 0.75]
    assert "neighbours" in lines
    assert "WBP re-projection" not in lines
    assert [text.get_text() for text in axes.texts] == ["↓ WBP re-projection 0.400"]


def test_single_steps_are_drawn_beside_the_means(axes: Any):
    draw_training(axes, CURVES, [(0.5, 0.9), (1.0, 0.5)])
    steps, means = axes.lines
    assert list(steps.get_ydata()) == [0.9, 0.5]
    assert list(means.get_ydata()) == list(CURVES.training)


def test_a_folder_without_a_log_has_no_curves(axes: Any, tmp_path: Path):
    with pytest.raises(InputError, match="no training log"):
        draw_curves(axes.figure, tmp_path)

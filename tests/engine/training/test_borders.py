"""Blank edges of aligned stacks in training examples."""

from __future__ import annotations

import numpy as np
import pytest

from napari_lbn.engine.training.data import noisy
from napari_lbn.engine.training.examples.draw import ExampleSettings, TrainingSeries, draw_example


@pytest.fixture
def series() -> TrainingSeries:
    tilts = np.random.default_rng(0).standard_normal((25, 48, 48)).astype(np.float32)
    angles = np.arange(-60.0, 61.0, 5.0)
    return TrainingSeries(tilts=tilts, angles=angles, noise_profile=np.ones(25))


def repeated(tilts: np.ndarray) -> float:
    """Largest share of one tilt's pixels that have the same value."""
    return max(np.unique(tilt, return_counts=True)[1].max() / tilt.size for tilt in tilts)


@pytest.mark.parametrize("targets", ["clean", "noisy"])
def test_visible_tilts_have_blank_edges_and_targets_have_none(series, targets):
    settings = ExampleSettings(crop=48, border_probability=1.0, targets=targets)
    examples = [draw_example(series, settings, np.random.default_rng(s), noisy) for s in range(6)]
    assert max(repeated(example.visible) for example in examples) > 0.02
    assert max(repeated(example.targets) for example in examples) < 0.005


def test_without_them_nothing_is_blank(series):
    settings = ExampleSettings(crop=48, border_probability=0.0)
    example = draw_example(series, settings, np.random.default_rng(0), noisy)
    assert repeated(example.visible) < 0.005


def test_measured_series_keep_their_own_edges(series):
    measured = TrainingSeries(tilts=series.tilts, angles=series.angles, thickness=16)
    settings = ExampleSettings(crop=48, border_probability=1.0)
    example = draw_example(measured, settings, np.random.default_rng(0), noisy)
    assert repeated(example.visible) < 0.005

"""Targets in the missing wedge are projections of the same specimen, and only if asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.training.examples.crops import detector_positions
from napari_lbn.engine.training.examples.draw import (
    Example,
    ExampleSettings,
    TrainingSeries,
    draw_example,
)
from napari_lbn.engine.training.optimisation.trainer import load_simulated

ANGLES = np.arange(-60.0, 61, 4)
TRUTH_ANGLES = np.arange(-86.0, 91, 4)
POINT = (7.0, -4.0)
SETTINGS = ExampleSettings(
    crop=48, crop_depth=0.0, n_targets=12, wedge_targets=0.5, bright_probability=1.0,
    range_low=(-50.0, -40.0), range_high=(40.0, 50.0), snr=(1e4, 2e4),
)  # fmt: skip


def no_noise(clean, snr, profile, rng):
    return clean


def ball(angles: np.ndarray, width: int = 64) -> np.ndarray:
    """Tilts ``(n, 48, width)`` of a ball."""
    q = (width - 1) / 2 + detector_positions(angles, POINT)
    rows, columns = np.ogrid[:48, :width]
    images = [np.exp(-((rows - 23.5) ** 2 + (columns - c) ** 2) / 18) for c in q]
    return np.stack(images).astype(np.float32)


def make_series(*, truth: bool = True) -> TrainingSeries:
    return TrainingSeries(
        tilts=ball(ANGLES), angles=ANGLES, noise_profile=np.ones(ANGLES.size), thickness=32,
        truth=ball(TRUTH_ANGLES) + 5 if truth else None,
        truth_angles=TRUTH_ANGLES if truth else None,
    )  # fmt: skip


def centres(images: np.ndarray) -> np.ndarray:
    """Where along x the ball is, pixels from the middle."""
    weights = np.clip(images[:, 0] - images[:, 0].max(axis=(1, 2), keepdims=True) / 2, 0, None)
    columns = np.arange(images.shape[-1]) - (images.shape[-1] - 1) / 2
    return (weights * columns).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), truth=st.booleans())
def test_truth_is_the_same_specimen_whatever_the_augmentation(seed: int, truth: bool) -> None:
    example = draw_example(
        make_series(truth=truth), SETTINGS, np.random.default_rng(seed), no_noise
    )
    radians = np.deg2rad(example.visible_angles)
    basis = np.stack([np.cos(radians), np.sin(radians)], axis=1)
    point, *_ = np.linalg.lstsq(basis, centres(example.visible), rcond=None)
    expected = detector_positions(example.target_angles, point)
    np.testing.assert_allclose(centres(example.targets), expected, atol=0.15)


def in_the_wedge(example: Example) -> np.ndarray:
    """Which targets lie outside of the arc that the visible tilts span, without an offset."""
    low, high = example.visible_angles.min(), example.visible_angles.max()
    return (example.target_angles < low) | (example.target_angles > high)


def test_the_share_of_targets_is_what_was_asked() -> None:
    plain = replace(SETTINGS, offset_probability=0.0, masking="uniform", uniform_threshold=0.0)
    for seed in range(5):
        example = draw_example(make_series(), plain, np.random.default_rng(seed), no_noise)
        assert len(example.targets) == 12
        assert in_the_wedge(example).sum() == 6
        assert np.abs(example.visible_angles).max() <= 50
    every = replace(plain, n_targets=0, wedge_targets=0.25)
    example = draw_example(make_series(), every, np.random.default_rng(0), no_noise)
    n = example.visible_angles.size
    assert len(example.targets) == n + round(0.25 * n)
    assert not in_the_wedge(example)[:n].any()


def test_truth_has_the_scale_of_the_visible_tilts() -> None:
    plain = replace(SETTINGS, offset_probability=0.0, masking="uniform", uniform_threshold=0.0)
    example = draw_example(make_series(), plain, np.random.default_rng(3), no_noise)
    beyond = in_the_wedge(example)
    assert np.abs(example.targets[beyond].mean(axis=(1, 2, 3))).max() < 1e-5
    # the ball is the same at every angle, and the truth's own mean of 5 does not count
    np.testing.assert_allclose(
        example.targets[beyond].std(axis=(1, 2, 3)), example.visible.std(), rtol=0.05
    )


def test_off_by_default_and_without_a_trace() -> None:
    off = replace(SETTINGS, wedge_targets=ExampleSettings().wedge_targets)
    assert off.wedge_targets == 0
    one, other = (
        draw_example(make_series(truth=truth), off, np.random.default_rng(9), no_noise)
        for truth in (True, False)
    )
    np.testing.assert_array_equal(one.targets, other.targets)
    np.testing.assert_array_equal(one.target_angles, other.target_angles)


def test_measured_series_have_no_truth() -> None:
    series = TrainingSeries(tilts=ball(ANGLES), angles=ANGLES, thickness=32)
    plain = replace(SETTINGS, offset_probability=0.0)
    example = draw_example(series, plain, np.random.default_rng(1), no_noise)
    assert set(example.target_angles) <= {*ANGLES, *-ANGLES}


def test_truth_is_read_only_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "series.npz"
    np.savez(
        path, tilts=ball(ANGLES), angles=ANGLES, profile=np.ones(ANGLES.size),
        truth=ball(TRUTH_ANGLES), truth_angles=TRUTH_ANGLES, metadata='{"depth": 32}',
    )  # fmt: skip
    assert load_simulated([path])[0].truth is None
    (series,) = load_simulated([path], truth=True)
    np.testing.assert_array_equal(series.truth_angles, TRUTH_ANGLES)
    assert series.truth.shape == (TRUTH_ANGLES.size, 48, 64)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_no_measured_target_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="targets cannot lie in the wedge"):
        ExampleSettings(wedge_targets=share)

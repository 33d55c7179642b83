"""Intensities: normalisation, and the fit for angles that were not measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.intensity import IntensityStats, common_gain, normalise

ANGLES = np.arange(-60.0, 61, 3)


def stats_of(mean: np.ndarray, std: np.ndarray, angles: np.ndarray = ANGLES) -> IntensityStats:
    return IntensityStats(angles=angles, mean=mean, std=std, low=mean - 9, high=mean + 9)


def transmitted(angles: np.ndarray, thickness: float = 0.5, pretilt: float = 0.0) -> np.ndarray:
    return 40 * np.exp(-thickness / np.cos(np.deg2rad(angles - pretilt)))


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e4), st.integers(0, 99))
def test_normalised_tilts_have_mean_0_and_deviation_1(mean: float, std: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tilts = (mean + std * rng.standard_normal((2, 20, 20))).astype(np.float32)
    normalised, stats = normalise(tilts, [0.0, 3.0])
    tolerance = 1e-5 * (1 + abs(mean) / std)
    assert abs(normalised.mean(axis=(1, 2))).max() < max(1e-4, tolerance)
    assert normalised.std(axis=(1, 2)) == pytest.approx(np.ones(2), rel=max(1e-3, tolerance))
    back = normalised * stats.std[:, None, None] + stats.mean[:, None, None]
    np.testing.assert_allclose(back, tilts, rtol=1e-4, atol=1e-4 * std + 1e-5 * abs(mean))


def test_hot_pixels_and_nan_do_not_set_the_scale() -> None:
    tilt = np.random.default_rng(0).normal(10, 1, (64, 64)).astype(np.float32)
    spoiled = tilt.copy()
    spoiled[3, 4], spoiled[5, 6] = 1e6, np.nan
    clean, stats = normalise(spoiled[None], [0.0])
    assert stats.std[0] == pytest.approx(tilt.std(), rel=0.05)
    assert np.isfinite(clean).all()
    assert abs(clean).max() < 15


def test_features_are_not_taken_for_hot_pixels() -> None:
    """Beads in a nearly empty image lie far out, but there are many pixels of them."""
    tilt = np.random.default_rng(0).normal(0, 0.01, (128, 128)).astype(np.float32)
    tilt[60:68, 60:68] -= 5
    stats = IntensityStats.measure([tilt], [0.0])
    np.testing.assert_array_equal(stats.clipped(tilt, 0), tilt)


def test_fit_follows_the_transmission_law() -> None:
    stats = stats_of(transmitted(ANGLES), 0.1 * transmitted(ANGLES))
    mean, std = stats.at([-58.5, 1.0, 47.0])
    expected = transmitted(np.array([-58.5, 1.0, 47.0]))
    assert mean == pytest.approx(expected, rel=1e-3)
    assert std == pytest.approx(0.1 * expected, rel=1e-3)


def test_fit_follows_a_pretilted_slab() -> None:
    stats = stats_of(transmitted(ANGLES, pretilt=8), np.ones(ANGLES.size))
    assert stats.at([31.0])[0] == pytest.approx(transmitted(np.array([31.0]), pretilt=8), rel=0.03)


def test_fit_ignores_outlier_tilts() -> None:
    mean = transmitted(ANGLES)
    mean[[4, 20]] *= 0.2
    assert stats_of(mean, mean).at([0.0])[0] == pytest.approx(transmitted(np.zeros(1)), rel=0.02)


@given(st.floats(60, 90), st.booleans())
def test_fit_is_bounded_in_the_wedge(angle: float, other_side: bool) -> None:
    stats = stats_of(transmitted(ANGLES), 0.1 * transmitted(ANGLES))
    ends = stats.at([-60.0, 60.0])[0]
    value = stats.at([-angle if other_side else angle])[0][0]
    assert ends.min() * 0.999 <= value <= ends.max() * 1.001


def test_common_gain_undoes_the_transmission_of_counts_only() -> None:
    counts = stats_of(transmitted(ANGLES), 0.1 * transmitted(ANGLES))
    scaled = common_gain(counts, ANGLES) * counts.mean
    np.testing.assert_allclose(scaled, counts.mean.max(), rtol=1e-3)
    centred = stats_of(np.zeros(ANGLES.size), np.ones(ANGLES.size))
    np.testing.assert_array_equal(common_gain(centred, ANGLES), 1)


@pytest.mark.parametrize("counts", [True, False])
def test_an_object_of_a_volume_keeps_its_contrast_at_any_angle(counts: bool) -> None:
    """Tilts whose deviation grows with the path and the noise: the object's does not."""
    mean = transmitted(ANGLES) if counts else np.zeros(ANGLES.size)
    deviation = 0.02 * (mean if counts else 1) / np.cos(np.deg2rad(ANGLES))
    stats = stats_of(mean, deviation)
    contrast = 0.01 * (mean if counts else np.ones(ANGLES.size))  # of the object, in input units
    in_the_volume = np.mean(contrast / deviation)  # where the tilts are normalised
    wanted = np.array([0.0, 63.0, 75.0])
    seen = in_the_volume * stats.scale_of_a_volume(wanted) * common_gain(stats, wanted)
    expected = contrast * common_gain(stats, ANGLES)
    np.testing.assert_allclose(seen, expected.mean(), rtol=0.02)
    np.testing.assert_allclose(expected, expected.mean(), rtol=0.02)


@pytest.mark.parametrize("first", [-87.0, -90.0, -30.0], ids=["to 90", "from -90", "to 147"])
def test_tilts_along_the_specimen_and_beyond_have_a_scale_too(first: float) -> None:
    """An augmented stack ends at 90 degrees, where 1 / cos is no length of a path."""
    angles = first + 3 * np.arange(60)
    steepest = np.clip(np.where(angles > 90, 180 - angles, np.abs(angles)), 0, 60)
    mean = transmitted(steepest)
    stats = stats_of(mean, mean / 10, angles)
    gain = common_gain(stats, angles)
    assert np.abs(np.log(gain * mean / mean.max())).max() < 0.5
    assert np.isfinite(stats.at(np.arange(-90.0, 91))[1]).all()

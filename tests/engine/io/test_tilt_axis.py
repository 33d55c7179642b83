"""The tilt axis measured on images of point clouds, whose projection is a formula."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from napari_lbn.engine.io.checks.common_lines import line_profiles
from napari_lbn.engine.io.checks.tilt_axis import measure_tilt_axis
from napari_lbn.engine.tilt_series import TiltSeries

ANGLES = np.arange(-60, 61, 3.0)
SIDE = 96


def turned(vectors: np.ndarray, degrees: float) -> np.ndarray:
    """Vectors (x, y) turned counter-clockwise, y upwards."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return vectors @ np.array([[c, s], [-s, c]])


@cache
def tilted_cloud(axis: float, *, noise: float = 0.5, shape=(SIDE, SIDE), seed: int = 0):
    """Projections of small blobs wider than the field of view, tilted about an axis.

    `axis` is in degrees from y, counter-clockwise with y upwards.
    """
    rng = np.random.default_rng(seed)
    blobs = rng.uniform([-150, -150, -12], [150, 150, 12], (2500, 3))
    points = (blobs[:, None] + rng.normal(0, 1.2, (2500, 25, 3))).reshape(-1, 3)
    across, along = turned(points[:, :2], -axis).T
    images = []
    for theta in np.deg2rad(ANGLES):
        moved = across * np.cos(theta) + points[:, 2] * np.sin(theta)
        x, y = turned(np.stack([moved, along], axis=1), axis).T
        bounds = [[-size / 2, size / 2] for size in shape]
        images.append(np.histogram2d(y, x, bins=shape, range=bounds)[0])
    stack = np.stack(images)
    stack += rng.normal(0, noise * stack.std(), stack.shape)
    return TiltSeries.from_array(stack.astype(np.float32), ANGLES)


def apart(a: float, b: float) -> float:
    """Degrees between two directions."""
    return abs((a - b + 90) % 180 - 90)


@pytest.mark.parametrize("axis", [-90.0, -60.0, -25.0, -8.0, 0.0, 30.0, 45.0, 85.0])
def test_the_axis_is_found_in_any_direction(axis):
    found = measure_tilt_axis(tilted_cloud(axis))
    assert apart(found.angle, axis) < 2.5
    assert found.off_y == (axis != 0)


@pytest.mark.parametrize("shape", [(60, 150), (300, 48), (200, 200)])
def test_the_shape_and_size_of_the_images_do_not_matter(shape):
    assert apart(measure_tilt_axis(tilted_cloud(20, shape=shape)).angle, 20) < 2.5
    assert not measure_tilt_axis(tilted_cloud(0, shape=shape)).off_y


@pytest.mark.parametrize("axis", [0.0, 35.0])
def test_the_order_of_angles_intensity_and_contrast_of_a_tilt_do_not_matter(axis):
    series = tilted_cloud(axis)
    rng = np.random.default_rng(5)
    gain, offset = rng.uniform(0.3, 3, (2, len(ANGLES), 1, 1))
    shuffled = rng.permutation(len(ANGLES))
    other = TiltSeries.from_array((gain * series.images + 100 * offset)[shuffled], ANGLES[shuffled])
    assert measure_tilt_axis(other).angle == pytest.approx(
        measure_tilt_axis(series).angle, abs=1e-3
    )


def test_excluded_tilts_do_not_count():
    series = tilted_cloud(0)
    images = series.images.copy()
    images[5] = np.nan
    images[7:9] = 1e9
    spoiled = TiltSeries.from_array(images, ANGLES).with_excluded([5, 7, 8])
    assert apart(measure_tilt_axis(spoiled).angle, 0) < 2.5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pattern", [0.0, 0.5])
def test_noise_even_with_a_fixed_pattern_of_the_camera_gives_no_confident_axis(seed, pattern):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(41, 120, 120)) + pattern * rng.normal(size=(1, 120, 120))
    assert not measure_tilt_axis(TiltSeries.from_array(images, ANGLES)).off_y


def test_blank_images_give_no_confident_axis():
    assert not measure_tilt_axis(TiltSeries.from_array(np.ones((41, 50, 50)), ANGLES)).off_y


@pytest.mark.parametrize(("tilts", "side"), [(5, 96), (41, 16)])
def test_too_little_to_tell_gives_nothing(tilts, side):
    images = np.ones((tilts, side, side), np.float32)
    assert measure_tilt_axis(TiltSeries.from_array(images, ANGLES[:tilts])) is None


def test_profiles_are_line_sums_across_the_axis():
    # a line of pixels along y, and one along x, seen from the directions along and across
    images = np.zeros((2, 61, 61))
    images[0, :, 40] = 1
    images[1, 20, :] = 1
    profiles, coverage = line_profiles(images, np.array([0.0, 90.0]))
    middle = slice(10, 51)
    assert profiles[1, :, 0].argmax() == 60 - 40
    assert profiles[0, :, 1].argmax() == 20
    assert np.ptp(profiles[0, middle, 1]) > 10 * np.ptp(profiles[0, 25:36, 0])
    assert coverage.max() == 1
    assert coverage[:, 30] == pytest.approx(coverage[:, 30][::-1], rel=0.05)

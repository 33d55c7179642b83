"""The tilt series: images follow their angles through sorting, excluding and inverting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.tilt_series import TiltSeries

angle_lists = st.lists(st.integers(-80, 80), min_size=2, max_size=12, unique=True)


def marked(angles, **attributes) -> TiltSeries:
    """Images whose pixels hold their own angle."""
    images = np.stack([np.full((4, 5), angle, np.int16) for angle in angles])
    return TiltSeries.from_array(images, angles, **attributes)


@given(angles=angle_lists)
def test_each_image_keeps_its_angle_through_sorting(angles):
    series = marked(angles)
    assert (np.diff(series.angles) > 0).all()
    np.testing.assert_array_equal(series.read()[:, 0, 0], series.angles)
    assert series.read().dtype == np.float32


@given(angles=angle_lists, data=st.data())
def test_excluded_tilts_are_left_out_and_come_back(angles, data):
    series = marked(angles)
    out = data.draw(st.sets(st.integers(0, len(angles) - 1)))
    fewer = series.with_excluded(out)
    kept = [angle for i, angle in enumerate(sorted(angles)) if i not in out]
    np.testing.assert_array_equal(fewer.included_angles, kept)
    np.testing.assert_array_equal(fewer.read()[:, 0, 0], kept)
    assert fewer.n_tilts == series.n_tilts
    assert series.excluded == frozenset(), "the original is untouched"
    np.testing.assert_array_equal(fewer.with_excluded([]).angles, series.angles)


@given(angles=angle_lists, data=st.data())
def test_inverting_twice_is_the_series_itself(angles, data):
    out = data.draw(st.sets(st.integers(0, len(angles) - 1), max_size=len(angles) - 1))
    count = np.arange(len(angles))
    series = marked(angles, order=count, dose=count * 2.0).with_excluded(out)
    inverted = series.with_inverted_angles()
    assert inverted.inverted
    assert (np.diff(inverted.angles) > 0).all()
    np.testing.assert_array_equal(inverted.read()[:, 0, 0], -inverted.included_angles)
    np.testing.assert_array_equal(inverted.order, series.order[::-1])
    np.testing.assert_array_equal(inverted.dose, series.dose[::-1])
    again = inverted.with_inverted_angles()
    assert not again.inverted
    assert again.excluded == series.excluded
    np.testing.assert_array_equal(again.angles, series.angles)
    np.testing.assert_array_equal(again.sections, series.sections)


def test_only_the_rows_that_are_asked_for_are_read():
    images = np.arange(3 * 6 * 5).reshape(3, 6, 5)
    series = TiltSeries.from_array(images, [10, -10, 0])
    np.testing.assert_array_equal(series.read([0, 2], slice(1, 3)), images[[1, 0], 1:3])
    assert series.read([]).shape == (0, 6, 5)


def test_wedge_and_increment_are_those_of_the_tilts_in_use():
    series = marked([-60, -57, -54, 0, 3, 6, 40])
    assert series.increment == 3
    assert (series.wedge.start, series.wedge.stop) == (40, 120)
    fewer = series.with_excluded([0, 6])
    assert (fewer.wedge.start, fewer.wedge.stop) == (6, 123)


def test_the_pixel_size_can_be_given_later():
    assert marked([0, 3]).with_pixel_size(4.2).pixel_size == 4.2


def test_impossible_series_are_refused():
    images = np.zeros((2, 4, 5))
    with pytest.raises(InputError, match="3 angles for 2 images"):
        TiltSeries(images=images, angles=np.arange(3.0), sections=np.arange(2))
    with pytest.raises(InputError, match="sorted"):
        TiltSeries(images=images, angles=np.array([3.0, 0]), sections=np.arange(2))
    with pytest.raises(InputError, match="tilts 0 to 1 only"):
        marked([0, 3]).with_excluded([2])

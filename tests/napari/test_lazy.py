"""Lazy arrays give what the whole array would give, and compute no more than asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_lbn._napari.lazy import BlendedVolume, ScaledVolume, TiltStack
from napari_lbn.engine.tilt_series import TiltSeries

SHAPE = (4, 5, 6)
RNG = np.random.default_rng(2)
MEASURED, SYNTHESIZED = RNG.normal(size=(2, *SHAPE)).astype(np.float32)
IMAGES = RNG.integers(0, 1000, (4, 5, 6)).astype(np.int16)
SERIES = TiltSeries.from_array(IMAGES, [30.0, -30.0, 0.0, 60.0])


@given(key=hnp.basic_indices(SHAPE), alpha=st.floats(0, 1, width=32))
def test_blended_volume_is_measured_plus_alpha_synthesized(key: Any, alpha: float) -> None:
    volume = BlendedVolume(MEASURED, SYNTHESIZED, alpha=alpha)
    expected = MEASURED + np.float32(alpha) * SYNTHESIZED
    np.testing.assert_array_equal(volume[key], expected[key])


def test_alpha_zero_is_plain_wbp_to_the_bit() -> None:
    poisoned = np.full(SHAPE, np.nan, np.float32)
    volume = BlendedVolume(MEASURED, poisoned, alpha=0.0)
    np.testing.assert_array_equal(np.asarray(volume), MEASURED)


def test_alpha_takes_effect_at_once() -> None:
    volume, added = BlendedVolume(MEASURED, SYNTHESIZED), ScaledVolume(SYNTHESIZED)
    volume.alpha = added.alpha = 0.25
    np.testing.assert_array_equal(volume[1], MEASURED[1] + np.float32(0.25) * SYNTHESIZED[1])
    np.testing.assert_array_equal(added[1], np.float32(0.25) * SYNTHESIZED[1])


class Counting:
    """Counts the elements read of an array."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.read = array, 0
        self.shape = array.shape

    def __getitem__(self, key: Any) -> np.ndarray:
        part = self.array[key]
        self.read += part.size
        return part


def test_only_the_displayed_section_is_computed() -> None:
    synthesized = Counting(SYNTHESIZED)
    volume = BlendedVolume(MEASURED, synthesized)
    section = volume[:, 2, :]
    assert synthesized.read == section.size == SHAPE[0] * SHAPE[2]


@given(key=hnp.basic_indices((4, 1, 5, 6)))
def test_tilt_stack_indexes_like_the_sorted_images(key: Any) -> None:
    stack = TiltStack(SERIES)
    expected = IMAGES[SERIES.sections][:, None]
    np.testing.assert_array_equal(stack[key], expected[key])


def test_tilt_stack_is_ascending_in_angle_and_keeps_the_type() -> None:
    stack = TiltStack(SERIES)
    assert (stack.shape, stack.dtype, stack.ndim) == ((4, 1, 5, 6), np.dtype(np.int16), 4)
    np.testing.assert_array_equal(stack[0, 0], IMAGES[1])
    np.testing.assert_array_equal(np.asarray(stack, np.float32)[3, 0], IMAGES[3])


@pytest.mark.parametrize("volume", [BlendedVolume(MEASURED, SYNTHESIZED), TiltStack(SERIES)])
def test_sizes_are_those_of_the_whole(volume: Any) -> None:
    whole = np.asarray(volume)
    assert (len(volume), volume.size, volume.nbytes) == (len(whole), whole.size, whole.nbytes)

"""Angles, the wedge and the weights, for whatever angles a user may bring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_lbn.engine.angular_weights import (
    measured_weights,
    synthesized_weights,
    weights_given_up,
)
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.geometry import (
    angles_to_synthesize,
    interior_gaps,
    median_increment,
    missing_wedge,
    rotation_centre,
    sorted_angles,
    wrap_angle,
)

finite_angles = st.floats(-720, 720, allow_nan=False)
tilt_angles = st.lists(st.integers(-8900, 8900), min_size=2, max_size=60, unique=True).map(
    lambda hundredths: np.sort(np.asarray(hundredths) / 100)
)
"""Uneven, one-sided, pre-tilted series, and ones with gaps."""

UNEVEN = np.array([-61.0, -57.0, -55.0, -50.0, -20.0, -18.0, 0.0, 3.0, 9.0, 33.0])
ONE_SIDED = np.arange(-10.0, 65.0, 3.0)


@given(finite_angles)
def test_wrapped_angles_name_the_same_ray(angle):
    wrapped, mirrored = wrap_angle(angle)
    assert -90 < wrapped <= 90
    half_turns = (angle - wrapped) / 180
    assert half_turns == pytest.approx(round(half_turns), abs=1e-9)
    assert bool(mirrored) == (round(half_turns) % 2 == 1)


def test_angles_already_in_range_stay():
    angles = np.array([-89.9, 0.0, 90.0])
    wrapped, mirrored = wrap_angle(angles)
    np.testing.assert_array_equal(wrapped, angles)
    assert not mirrored.any()


def test_a_hair_above_90_stays_in_range():
    wrapped, _ = wrap_angle(np.nextafter(90.0, 91.0))
    assert -90 < wrapped <= 90


@given(tilt_angles)
def test_wedge_and_measured_range_make_up_the_half_circle(angles):
    wedge = missing_wedge(angles)
    assert wedge.width + np.ptp(angles) == pytest.approx(180)
    assert wedge.start == angles[-1]


def test_wedge_of_a_pre_tilted_lamella_is_asymmetric():
    wedge = missing_wedge(np.arange(-40.0, 71.0, 3.0) + 12)
    assert (wedge.start, wedge.stop) == (80.0, 152.0)


def test_no_wedge_where_the_half_circle_is_covered():
    full = np.arange(-90.0, 91.0)
    assert missing_wedge(full).width == 0
    assert angles_to_synthesize(full).size == 0


@given(tilt_angles, st.floats(0.5, 10), st.booleans())
def test_synthesized_angles_lie_in_the_gaps_evenly(angles, increment, fill_gaps):
    new = angles_to_synthesize(angles, increment=increment, fill_gaps=fill_gaps)
    assert np.all(np.diff(new) > 0)
    assert np.all((new > -90) & (new <= 90))
    outside = (new > angles[-1]) | (new < angles[0])
    gaps = interior_gaps(angles) if fill_gaps else []
    inside = np.zeros(new.size, dtype=bool)
    for start, stop in gaps:
        inside |= (new > start) & (new < stop)
    assert np.all(outside | inside)


@given(tilt_angles, st.floats(0.5, 10))
def test_synthesized_steps_are_as_close_to_the_increment_as_fit(angles, increment):
    new = angles_to_synthesize(angles, increment=increment)
    assume(new.size > 0)
    turned = np.sort(np.where(new < angles[0], new + 180, new))
    steps = np.diff(np.concatenate([[angles[-1]], turned, [angles[0] + 180]]))
    np.testing.assert_allclose(steps, steps[0])
    assert 2 / 3 - 1e-9 <= steps[0] / increment <= 4 / 3 + 1e-9


def test_the_usual_series_gets_the_usual_angles():
    new = angles_to_synthesize(np.arange(-60.0, 61.0, 3.0))
    expected = np.concatenate([np.arange(-87.0, -60.0, 3.0), np.arange(63.0, 91.0, 3.0)])
    np.testing.assert_allclose(new, expected)


def test_increment_ignores_gaps_and_repeats():
    assert median_increment([-6, -3, -3, 0, 3, 30, 33, 36]) == 3
    assert interior_gaps([-6, -3, 0, 3, 30, 33, 36]) == [(3, 30)]


@given(tilt_angles)
def test_measured_weights_are_half_the_distance_to_each_neighbour(angles):
    weights = np.rad2deg(measured_weights(angles))
    wedge = missing_wedge(angles).width
    for i in range(1, len(angles) - 1):
        assert weights[i] == pytest.approx((angles[i + 1] - angles[i - 1]) / 2)
    first, last = angles[1] - angles[0], angles[-1] - angles[-2]
    assert weights[0] == pytest.approx((first + min(first, wedge)) / 2)
    assert weights[-1] == pytest.approx((last + min(last, wedge)) / 2)


@given(tilt_angles)
def test_the_wedge_is_never_counted(angles):
    assume(missing_wedge(angles).width >= max(angles[1] - angles[0], angles[-1] - angles[-2]))
    total = np.rad2deg(measured_weights(angles)).sum()
    ends = (angles[1] - angles[0] + angles[-1] - angles[-2]) / 2
    assert total == pytest.approx(np.ptp(angles) + ends)


@given(tilt_angles, st.randoms(use_true_random=False))
def test_measured_weights_follow_their_angles_in_any_order(angles, random):
    order = list(range(len(angles)))
    random.shuffle(order)
    np.testing.assert_allclose(measured_weights(angles[order]), measured_weights(angles)[order])


@given(tilt_angles, st.data())
def test_repeated_angles_share_one_weight(angles, data):
    index = data.draw(st.integers(0, len(angles) - 1))
    repeated = np.insert(angles, index, angles[index])
    weights = measured_weights(repeated)
    assert weights[index] == weights[index + 1]
    assert weights.sum() == pytest.approx(measured_weights(angles).sum())


@pytest.mark.parametrize("stop", [179.0, 180.0], ids=["half-open", "both ends"])
def test_a_full_half_circle_weighs_pi(stop):
    angles = np.arange(-90.0, -90.0 + stop + 0.5)
    assert measured_weights(angles).sum() == pytest.approx(np.pi)


@given(tilt_angles, st.floats(0.5, 10))
def test_synthesized_weights_are_half_the_distance_to_each_neighbour(angles, increment):
    new = angles_to_synthesize(angles, increment=increment)
    assume(new.size > 1)
    weights = np.rad2deg(synthesized_weights(angles, new))
    step = missing_wedge(angles).width / (new.size + 1)
    np.testing.assert_allclose(weights, step)


@pytest.mark.parametrize("angles", [UNEVEN, ONE_SIDED], ids=["uneven", "one-sided"])
def test_filled_gaps_are_not_counted_twice(angles):
    new = angles_to_synthesize(angles, fill_gaps=True)
    total = measured_weights(angles, cap_gaps=True).sum() + synthesized_weights(angles, new).sum()
    assert total == pytest.approx(np.pi, rel=0.05)


def test_capped_gaps_change_only_the_tilts_beside_them():
    angles = np.concatenate([np.arange(-60.0, -9.0, 3.0), np.arange(12.0, 61.0, 3.0)])
    plain, capped = measured_weights(angles), measured_weights(angles, cap_gaps=True)
    changed = np.flatnonzero(plain != capped)
    np.testing.assert_array_equal(angles[changed], [-12, 12])
    np.testing.assert_allclose(np.rad2deg(capped), 3)


@pytest.mark.parametrize("angles", [UNEVEN, ONE_SIDED], ids=["uneven", "one-sided"])
def test_tilts_give_up_weight_only_where_their_gap_is_filled(angles):
    np.testing.assert_array_equal(weights_given_up(angles, angles_to_synthesize(angles)), 0)
    new = angles_to_synthesize(angles, fill_gaps=True)
    capped = measured_weights(angles) + weights_given_up(angles, new)
    np.testing.assert_allclose(capped, measured_weights(angles, cap_gaps=True))


def test_one_tilt_weighs_the_half_circle():
    np.testing.assert_allclose(measured_weights([5.0]), np.pi)
    np.testing.assert_allclose(measured_weights([5.0, 5.0]), np.pi / 2)


def test_rotation_centre_is_symmetric():
    assert rotation_centre(5) == 2
    assert rotation_centre(6) == 2.5


@pytest.mark.parametrize("angles", [[], [0.0, np.nan], [np.inf]])
def test_unusable_angles_are_refused(angles):
    with pytest.raises(InputError):
        sorted_angles(angles)


@pytest.mark.parametrize("increment", [0.0, -3.0, np.nan, 0.001])
def test_unusable_increments_are_refused(increment):
    with pytest.raises(InputError, match="increment"):
        angles_to_synthesize([-3.0, 0.0, 3.0], increment=increment)


def test_one_angle_has_no_increment():
    with pytest.raises(InputError, match="two different"):
        median_increment([4.0, 4.0])

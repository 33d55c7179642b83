from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.evaluation.hold_out.scores import Score
from napari_lbn.engine.evaluation.seen import angle_bins, seen_fraction


@given(angle=st.floats(-89, 89), width=st.floats(10, 500), thickness=st.floats(5, 300))
def test_a_measured_tilt_has_seen_all_that_it_shows(angle, width, thickness):
    (share,) = seen_fraction([angle], [-60.0, 0.0, angle], width=width, thickness=thickness)
    assert share == pytest.approx(1, abs=1e-9)


def test_the_untilted_view_alone_has_seen_the_box():
    # Rays at an angle, inside |x| < width / 2: by hand for 45 degrees, thickness = width.
    # The detector is the box's width; the seen part of the slab's rays is an area ratio.
    width = thickness = 100.0
    (share,) = seen_fraction([45.0], [0.0], width=width, thickness=thickness)
    # Rays (q, z): x = q sqrt(2) - z, |x| <= 50 of |q|, |z| <= 50.
    q, z = np.meshgrid(np.linspace(-50, 50, 801), np.linspace(-50, 50, 801))
    expected = (np.abs(q * np.sqrt(2) - z) <= 50).mean()
    assert share == pytest.approx(expected, abs=0.01)


@given(low=st.floats(61, 75), more=st.floats(1, 13))
def test_steeper_tilts_show_more_that_was_never_seen(low, more):
    measured = np.arange(-60.0, 61.0, 3.0)
    shares = seen_fraction([low, low + more, -low], measured, width=128, thickness=100)
    assert shares[1] <= shares[0] + 1e-9
    assert shares[2] == pytest.approx(shares[0], abs=1e-6)
    assert 0 < shares[1] < 1


def test_a_thin_slab_is_seen_until_the_field_of_view_ends():
    (near, steep) = seen_fraction([66.0, 89.0], [-60.0, 60.0], width=200, thickness=10)
    # 200 / cos(66) = 492 pixels of the slab are shown; at 60 degrees 400 were.
    assert near == pytest.approx(400 / 492, abs=0.03)
    assert steep < 0.1


def score(method: str, angle: float, correlation: float) -> Score:
    return Score(
        kind="simulated",
        fold="a",
        method=method,
        angle=angle,
        scale="full",
        correlation=correlation,
        mse=0.0,
        mse_scaled=0.0,
    )


def test_scores_fall_into_bins_of_the_absolute_angle():
    scores = [score("LBN", -70, 0.8), score("LBN", 75, 0.6), score("LBN", 85, 0.2)]
    scores += [score("WBP", -70, 0.4), score("WBP", 75, 0.2), score("WBP", 85, 0.1)]
    seen = [(-70.0, 0.9), (75.0, 0.7), (85.0, 0.3)]
    near, steep = angle_bins(scores, seen, (60, 66, 78, 90))
    assert (near.low, near.high, near.count) == (66, 78, 2)
    assert near.seen == pytest.approx(0.8)
    assert near.correlation == {"LBN": pytest.approx(0.7), "WBP": pytest.approx(0.3)}
    assert steep.correlation["LBN"] == pytest.approx(0.2)

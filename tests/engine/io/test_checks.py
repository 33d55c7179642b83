"""What is wrong with a series is found, named with its tilts, and comes with a remedy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.io.checks.series import Finding, check_tilt_series
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import raw_mrc
from .test_tilt_axis import apart, tilted_cloud

ANGLES = np.arange(-30, 31, 3.0)


def a_series(**changes) -> TiltSeries:
    """Images of noise whose brightness and contrast follow 1/cos of the tilt."""
    rng = np.random.default_rng(0)
    thickness = 1 / np.cos(np.deg2rad(ANGLES))[:, None, None]
    images = 100 / thickness + thickness * rng.normal(0, 5, (len(ANGLES), 20, 22))
    settings = {"pixel_size": 10.0, "name": "TS"} | changes
    return TiltSeries.from_array(images.astype("f4"), settings.pop("angles", ANGLES), **settings)


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [str(finding) for finding in findings]
    return findings[0]


def test_a_good_series_has_nothing_wrong():
    assert check_tilt_series(a_series()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@given(tilt=st.integers(0, 20), y=st.integers(0, 19), x=st.integers(0, 21))
def test_one_pixel_that_is_no_number_is_found_wherever_it_is(value, tilt, y, x):
    series = a_series()
    series.images[tilt, y, x] = value
    finding = only(check_tilt_series(series, sample=100))
    assert finding.severity == "error"
    assert "not finite" in finding.message
    assert f"1 tilt ({ANGLES[tilt]:.4g}°)" in finding.message
    assert "Exclude" in finding.remedy
    assert check_tilt_series(series.with_excluded([tilt])) == []


@pytest.mark.parametrize("value", [0, 7.5])
def test_blank_images_are_found(value):
    series = a_series()
    series.images[[3, 20]] = value
    finding = only(check_tilt_series(series))
    assert finding.severity == "error"
    assert "2 tilts (-21°, 30°)" in finding.message
    assert check_tilt_series(series.with_excluded([3, 20])) == []


def test_a_stack_without_any_image_is_not_to_be_excluded_whole():
    series = a_series()
    series.images[:] = 0
    finding = only(check_tilt_series(series))
    assert finding.severity == "error"
    assert "no tilt has any contrast" in finding.message
    assert "Exclude" not in finding.remedy


def test_an_image_with_little_content_is_not_taken_for_blank():
    series = a_series()
    series.images[4] = 90
    series.images[4, 7, 7] = 91
    assert not any("contrast: every" in str(f) for f in check_tilt_series(series, sample=4))


@pytest.mark.parametrize(("gain", "offset"), [(1, 60), (1, -60), (3, 0), (0.2, 80)])
def test_a_tilt_unlike_its_neighbours_is_found(gain, offset):
    series = a_series()
    series.images[12] = series.images[12] * gain + offset
    finding = only(check_tilt_series(series))
    assert finding.severity == "warning"
    assert "1 tilt (6°)" in finding.message
    assert "beside" in finding.message


def test_a_hot_pixel_is_found():
    series = TiltSeries.from_array(
        np.random.default_rng(0).normal(size=(21, 80, 80)), ANGLES, pixel_size=5.0
    )
    series.images[2, 3, 3] = 5000
    assert any("pixels more than 40" in str(finding) for finding in check_tilt_series(series))


def test_an_unknown_pixel_size_is_told_until_it_is_given():
    series = a_series(pixel_size=None)
    finding = only(check_tilt_series(series))
    assert (finding.severity, finding.remedy) == (
        "warning",
        "Give it in Å (--pixel-size, or in the dock).",
    )
    assert check_tilt_series(series.with_pixel_size(3.0)) == []


def test_repeated_angles_are_told_until_one_is_excluded():
    angles = ANGLES.copy()
    angles[4] = angles[5]
    series = a_series(angles=angles)
    assert "same angle at 1 tilt (-15°)" in only(check_tilt_series(series)).message
    assert check_tilt_series(series.with_excluded([4])) == []


def test_fewer_than_two_angles_in_use_are_an_error():
    series = a_series().with_excluded(range(1, 21))
    finding = only(check_tilt_series(series))
    assert finding.severity == "error"
    assert "1 tilt in use" in finding.message


def test_integer_images_are_checked_too():
    series = a_series()
    rounded = TiltSeries.from_array(series.images.astype("i2"), ANGLES, pixel_size=10.0)
    assert check_tilt_series(rounded) == []


def test_what_was_odd_about_the_files_is_repeated(tmp_path):
    images = a_series().images
    path = raw_mrc(tmp_path / "TS.mrc", images, map=b"", cella=(220.0, 200.0, 210.0))
    finding = only(check_tilt_series(open_tilt_series(path, angles=ANGLES)))
    assert finding.severity == "warning"
    assert "MAP" in finding.message


def test_errors_come_first():
    series = a_series(pixel_size=None)
    series.images[3] = 0
    assert [f.severity for f in check_tilt_series(series)] == ["error", "warning"]


@pytest.mark.parametrize(("axis", "remedy"), [(12.0, "Align the series"), (-88.0, "by 90°")])
def test_an_axis_off_y_is_told_with_its_angle(axis, remedy):
    series = tilted_cloud(axis).with_pixel_size(10.0)
    finding = only(check_tilt_series(series))
    assert finding.severity == "warning"
    told = float(re.search(r"about (-?\d+)° from it", finding.message)[1])
    assert apart(told, axis) < 3
    assert remedy in finding.remedy


def test_an_axis_along_y_is_no_finding():
    assert check_tilt_series(tilted_cloud(0).with_pixel_size(10.0)) == []

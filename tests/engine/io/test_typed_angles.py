"""Angles as people paste them, and series of images that are in no file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io.angles.choose import EvenAngles
from napari_lbn.engine.io.angles.typed import parse_typed_angles
from napari_lbn.engine.io.in_memory import series_in_memory

SEPARATORS = [",", ", ", " ", "\n", "\r\n", "\t", ";", " ; \n"]
IMAGES = np.zeros((3, 4, 5), np.float32)


@given(
    angles=st.lists(st.floats(-90, 90), max_size=60),
    separator=st.sampled_from(SEPARATORS),
    minus=st.sampled_from(["-", "−"]),
    around=st.sampled_from(["{}", "[{}]", "  {}\n", "# degrees\n{} # end"]),
)
def test_every_list_that_was_written_is_read(
    angles: list[float], separator: str, minus: str, around: str
) -> None:
    text = separator.join(f"{angle:.4f}" for angle in angles).replace("-", minus)
    read = parse_typed_angles(around.format(text))
    np.testing.assert_allclose(read, angles, rtol=0, atol=6e-5)


@given(first=st.integers(-900, 900), step=st.integers(-300, 300), count=st.integers(0, 30))
def test_a_range_is_all_angles_on_the_way(first: int, step: int, count: int) -> None:
    angles = (first + step * np.arange(count + 1)) / 10
    assume(step != 0 and np.abs(angles).max() <= 90)
    read = parse_typed_angles(f"1.5, {angles[0]}:{step / 10}:{angles[-1]}; −2")
    np.testing.assert_allclose(read, [1.5, *angles, -2], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-60 -57 abc -51", "“abc”, entry 3"),
        ("0, 3, 96", "“96”, entry 3"),
        ("0 nan 3", "“nan”, entry 2"),
        ("inf", "“inf”, entry 1"),
        ("1 " + "x" * 200, "“xxxxxxxxxxxxxxxxxxxx…”, entry 2"),
        ("-60:3", "entry 1 of the list, does not step"),
        ("0 -60:60:3", "“-60:60:3”, entry 2 of the list, does not step"),  # the last angle second
        ("60:3:-60", "does not step"),
        ("-60:0:60", "does not step"),
        ("-60:3:96", "“96”, entry 1"),
        ("0:1e-9:1", "does not step"),
    ],
)
def test_what_is_no_angle_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_typed_angles(text)


def test_images_in_memory_are_sorted_by_angle() -> None:
    series = series_in_memory(IMAGES, [3.0, -3.0, 0.0], name="scan", pixel_size=7.0)
    assert series.angles.tolist() == [-3, 0, 3]
    assert series.sections.tolist() == [1, 2, 0]
    assert series.history["angles_were_sorted"]
    assert (series.name, series.pixel_size, series.source) == ("scan", 7.0, None)


@pytest.mark.parametrize(
    ("angles", "told"),
    [
        ([0.0, 3.0], "2 tilt angles, but scan has 3 images"),
        (EvenAngles(first=0.0, step=0.0), "all 3 tilt angles are 0"),
        ([0.0, 3.0, 400.0], "400° is no tilt angle"),
        ("absent.tlt", "absent.tlt does not exist"),
    ],
)
def test_angles_that_cannot_be_are_refused(angles: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        series_in_memory(IMAGES, angles, name="scan")

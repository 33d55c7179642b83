"""Sections, angles and the sample, as they are typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.cli.series import exclude_sections, include_sections, parse_angles
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io.files.text_input import parse_sections
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import left_behind, ok, run, write_series


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pixel-size", "0"], "above 0 Å, not 0"),
        (["--pixel-size", "-3"], "above 0 Å, not -3"),
        (["--pixel-size", "nan"], "above 0 Å, not nan"),
        (["--out", "volume.txt"], "volume.txt does not end in .ome.zarr"),
    ],
)
def test_a_tomogram_is_not_exported_with_nonsense(
    tmp_path: Path, options: list[str], said: str
) -> None:
    tomogram = write_series(tmp_path)
    before = left_behind(tmp_path)
    result = run("export", tomogram, *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert left_behind(tmp_path) == before


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 5)), min_size=1, max_size=8))
def test_section_lists_mean_what_imod_means(ranges: list[tuple[int, int]]) -> None:
    text = ",".join(f"{a}-{a + n}" if n else f"{a}" for a, n in ranges)
    assert parse_sections(text, "--exclude") == [a + i for a, n in ranges for i in range(n + 1)]


def test_sections_are_of_the_file_not_of_the_sorted_angles() -> None:
    images = np.zeros((4, 3, 3), np.float32)
    shuffled = TiltSeries.from_array(images, [10.0, -20.0, 0.0, 30.0])
    excluded = exclude_sections(shuffled, [2])  # the second image, at -20 degrees
    np.testing.assert_array_equal(excluded.included_angles, [0, 10, 30])


def test_sections_that_the_alignment_leaves_out_can_be_taken_back() -> None:
    images = np.zeros((4, 3, 3), np.float32)
    series = TiltSeries.from_array(images, [-20.0, 0.0, 10.0, 30.0]).with_excluded([0, 3])
    np.testing.assert_array_equal(include_sections(series, [4]).included_angles, [0, 10, 30])
    with pytest.raises(InputError, match="no section 5"):
        include_sections(series, [5])


def test_sections_are_of_the_file_where_an_alignment_leaves_some_out() -> None:
    images = np.zeros((4, 3, 3), np.float32)
    series = replace(
        TiltSeries.from_array(images, [-20.0, 0.0, 10.0, 30.0]),
        file_sections=np.array([1, 2, 6, 4]),  # of a stack of seven
    )
    np.testing.assert_array_equal(exclude_sections(series, [7]).included_angles, [-20, 0, 30])
    with pytest.raises(InputError, match=r"no section 1 that its alignment aligns.* 2-3, 5, 7\."):
        exclude_sections(series, [1])


@pytest.mark.parametrize(
    ("text", "code"), [("-40:10", 0), ("-40:nan", 2), ("-40:0", 2), ("-40:ten", 2), ("40", 2)]
)
def test_even_angles_are_typed_as_first_and_step(series: Path, text: str, code: int) -> None:
    result = run("info", series, "--json", f"--tilt-angles={text}")
    assert result.exit_code == code
    if code == 0:
        facts = json.loads(result.stdout)
        assert (facts["angles"][0], facts["increment"]) == (-40, 10)
        assert facts["history"]["angles_given"] == text


@given(st.lists(st.floats(-90, 90).map(lambda a: round(a, 2)), min_size=1, max_size=20))
def test_typed_angles_are_read_back(angles: list[float]) -> None:
    assert parse_angles(",".join(map(str, angles))) == angles


def test_angles_beyond_the_half_circle_are_refused() -> None:
    with pytest.raises(InputError, match="between −90° and 90°"):
        parse_angles("0,100")


def test_the_sample_needs_no_file() -> None:
    facts = json.loads(ok("info", "--sample", "--json").stdout)
    assert facts["pixel_size"] > 0
    assert facts["missing_wedge_width"] > 0
    assert not [f for f in facts["findings"] if f["severity"] == "error"]


def test_what_the_sample_knows_cannot_be_changed() -> None:
    result = run("info", "--sample", "--pixel-size", 3)
    assert result.exit_code == 2
    assert "sample" in result.stderr

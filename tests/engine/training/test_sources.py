"""A training's series, as the user had them, found again on another day."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import open_tilt_series, write_stack, write_tilt_angles
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.sources import (
    SOURCES,
    SeriesRecord,
    name_series,
    read_sources,
    write_sources,
)

ANGLES = np.array([3.0, 0.0, -3.0, 6.0, -6.0, 9.0])
"""In the order of a dose-symmetric file, not ascending."""


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(100, 10, (ANGLES.size, 8, 12)).astype(np.float32)


@pytest.fixture
def stack(tmp_path: Path, images: np.ndarray) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    write_tilt_angles(folder / "TS.tlt", ANGLES)
    return write_stack(folder / "TS.mrc", images, pixel_size=10.0)


def same(a: TiltSeries, b: TiltSeries) -> None:
    np.testing.assert_allclose(a.angles, b.angles, atol=1e-3)
    np.testing.assert_array_equal(a.read(), b.read())
    assert (a.excluded, a.pixel_size, a.inverted) == (b.excluded, b.pixel_size, b.inverted)


@pytest.mark.parametrize("invert", [False, True])
def test_what_the_user_changed_comes_back(tmp_path: Path, stack: Path, invert: bool) -> None:
    series = open_tilt_series(stack, invert=invert).with_excluded({1, 4}).with_pixel_size(12.5)
    write_sources(tmp_path, name_series([series]))
    (found,) = read_sources(tmp_path).values()
    same(found, series)


def test_typed_angles_come_back(tmp_path: Path, stack: Path) -> None:
    series = open_tilt_series(stack, angles=list(ANGLES * 2))
    (stack.with_suffix(".tlt")).unlink()
    write_sources(tmp_path, name_series([series]))
    same(read_sources(tmp_path)[str(stack.resolve())], series)


def test_series_of_no_file_is_taken_from_what_is_open(tmp_path: Path, images: np.ndarray) -> None:
    series = TiltSeries.from_array(images, ANGLES, pixel_size=10.0, name="typed")
    used = series.with_excluded({2})
    write_sources(tmp_path, name_series([used]))
    same(read_sources(tmp_path, [series])["typed"], used)
    other = TiltSeries.from_array(images, ANGLES + 1, pixel_size=10.0, name="typed")
    for opened in ([], [other]):
        with pytest.raises(InputError, match="typed, which is in no file"):
            read_sources(tmp_path, opened)


def test_moved_and_changed_files_are_told(tmp_path: Path, stack: Path, images: np.ndarray) -> None:
    series = open_tilt_series(stack)
    write_sources(tmp_path, name_series([series]))
    (tmp_path / "moved").mkdir()
    moved = tmp_path / "moved" / "TS.mrc"
    shutil.move(stack, moved)
    shutil.move(stack.with_suffix(".tlt"), moved.with_suffix(".tlt"))
    with pytest.raises(InputError, match="which is not there"):
        read_sources(tmp_path)
    again = open_tilt_series(moved)
    same(read_sources(tmp_path, [again])[str(stack.resolve())], series)
    write_stack(stack, images[:, :4], pixel_size=10.0)
    with pytest.raises(InputError, match="is not what it was"):
        read_sources(tmp_path)


def test_one_file_twice_is_refused(stack: Path) -> None:
    with pytest.raises(InputError, match="twice"):
        name_series([open_tilt_series(stack), open_tilt_series(stack)])


def test_a_damaged_record_is_told_and_none_is_none(tmp_path: Path) -> None:
    assert read_sources(tmp_path) == {}
    (tmp_path / SOURCES).write_text('{"TS": {"name": "TS"}}')
    with pytest.raises(InputError, match=r"series\.json is damaged"):
        read_sources(tmp_path)


@given(
    angles=st.lists(st.integers(-6000, 6000), min_size=3, max_size=9, unique=True),
    data=st.data(),
)
def test_exclusions_name_sections_not_ranks(angles: list[int], data: st.DataObject) -> None:
    """Whatever the order of the file, the same images are left out."""
    images = np.arange(len(angles), dtype=np.float32)[:, None, None] * np.ones((1, 2, 2))
    series = TiltSeries.from_array(images, np.array(angles) / 100)
    excluded = data.draw(st.sets(st.integers(0, len(angles) - 1), max_size=len(angles) - 2))
    used = series.with_excluded(excluded)
    record = SeriesRecord.of(used)
    assert record.describes(series)
    assert record.applied(series).excluded == used.excluded
    np.testing.assert_array_equal(record.applied(series).read(), used.read())

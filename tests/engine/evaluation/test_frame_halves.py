"""The noise ceiling from stacks of odd and even frames, from the files to the figure."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.binning import bin_series
from napari_lbn.engine.correct import measure_intensities
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.evaluation.hold_out.ceiling import MEASURED
from napari_lbn.engine.evaluation.hold_out.folds import k_fold
from napari_lbn.engine.evaluation.hold_out.frame_halves import (
    binned_halves,
    find_halves,
    open_halves,
)
from napari_lbn.engine.evaluation.hold_out.run import noise_ceilings
from napari_lbn.engine.io import open_tilt_series

ANGLES = np.arange(-50.0, 51, 10)
ACQUIRED = np.argsort(np.abs(ANGLES - 1))
"""Dose-symmetric: the file's order is not that of the angles."""
SHAPE = (32, 48)
SIGNAL, NOISE = 1.0, 2.0


def write(path: Path, images: np.ndarray, angles: np.ndarray | None = None) -> Path:
    with mrcfile.new(path) as mrc:
        mrc.set_data(images.astype(np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = 10.0
    if angles is not None:
        path.with_suffix(".tlt").write_text("".join(f"{a:7.2f}\n" for a in angles))
    return path


def clean(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, SIGNAL, (ANGLES.size, *SHAPE))


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A series in the order of acquisition, its halves beside it, of known noise."""
    rng = np.random.default_rng(1)
    odd, even = (clean() + rng.normal(0, NOISE, (ANGLES.size, *SHAPE)) for _ in range(2))
    write(tmp_path / "TS_ODD.mrc", odd[ACQUIRED])
    write(tmp_path / "TS_EVN.mrc", even[ACQUIRED])
    return write(tmp_path / "TS.mrc", ((odd + even) / 2)[ACQUIRED], ANGLES[ACQUIRED])


def test_the_ceiling_is_what_the_true_projection_reaches(stack: Path) -> None:
    """The clean tilt correlates with the noisy one as odd and even frames say it would."""
    series = open_tilt_series(stack).with_excluded([3])
    found = find_halves(series)
    assert found is not None
    assert [path.name for path in found] == ["TS_ODD.mrc", "TS_EVN.mrc"]
    halves = open_halves(series, *found)
    for half in halves:
        np.testing.assert_array_equal(half.angles, series.angles)
        assert half.excluded == series.excluded
    np.testing.assert_allclose((halves[0].read() + halves[1].read()) / 2, series.read(), atol=1e-5)
    stats, folds = measure_intensities(series), k_fold(series, 3)
    ceilings = [c for c in noise_ceilings(series, stats, folds, halves) if c.scale == "full"]
    assert [c.angle for c in ceilings] == list(series.included_angles)
    assert {c.source for c in ceilings} == {MEASURED}
    truth = clean()[series.included]
    reached = [
        np.corrcoef(t.ravel(), n.ravel())[0, 1] for t, n in zip(truth, series.read(), strict=True)
    ]
    expected = np.sqrt(SIGNAL**2 / (SIGNAL**2 + NOISE**2 / 2))
    assert np.mean(reached) == pytest.approx(expected, abs=0.03)
    assert np.mean([c.correlation for c in ceilings]) == pytest.approx(expected, abs=0.03)


def test_halves_are_binned_as_the_series_is(stack: Path) -> None:
    series = open_tilt_series(stack)
    halves = open_halves(series, *(find_halves(series) or ()))
    for half, lazy in zip(halves, binned_halves(halves, 2), strict=True):
        assert lazy.image_shape == (16, 24)
        expected = bin_series(half, 2).read()
        np.testing.assert_array_equal(lazy.read(), expected)
        np.testing.assert_array_equal(lazy.read(rows=slice(3, 9)), expected[:, 3:9])
    assert binned_halves(halves, 1) is halves


def test_inverted_angles_keep_their_images(stack: Path) -> None:
    series = open_tilt_series(stack, invert=True)
    odd, even = open_halves(series, *(find_halves(series) or ()))
    np.testing.assert_allclose((odd.read() + even.read()) / 2, series.read(), atol=1e-5)


def test_halves_of_a_raw_series_are_aligned_as_it_is(stack: Path) -> None:
    lines = [f"1 0 0 1 {2 * i:.1f} {-i:.1f}" for i in range(ANGLES.size)]
    stack.with_suffix(".xf").write_text("\n".join(lines) + "\n")
    series = open_tilt_series(stack.with_suffix(".xf"))
    found = find_halves(series)
    assert found is not None
    odd, even = open_halves(series, *found)
    np.testing.assert_allclose((odd.read() + even.read()) / 2, series.read(), atol=1e-4)
    plain = open_tilt_series(stack)
    assert np.abs(series.read() - plain.read()).max() > 1  # they were shifted


def test_one_half_alone_is_none(stack: Path) -> None:
    stack.with_name("TS_EVN.mrc").unlink()
    assert find_halves(open_tilt_series(stack)) is None


def test_halves_of_another_series_are_refused(stack: Path) -> None:
    series = open_tilt_series(stack)
    other = write(stack.with_name("other.mrc"), np.zeros((ANGLES.size, 8, 8)))
    _, even = find_halves(series) or (other, other)
    with pytest.raises(InputError, match=r"other\.mrc holds"):
        open_halves(series, other, even)


def test_halves_of_another_series_of_the_same_size_are_refused(stack: Path) -> None:
    rng = np.random.default_rng(2)
    shape = (ANGLES.size, *SHAPE)
    odd, even = (
        write(stack.with_name(f"other_{half}.mrc"), clean(3) + rng.normal(0, NOISE, shape))
        for half in ("ODD", "EVN")
    )
    with pytest.raises(InputError, match=r"no halves of TS.*at 0\.0°"):
        open_halves(open_tilt_series(stack), odd, even)


def test_one_stack_given_twice_and_the_series_itself_are_no_halves(stack: Path) -> None:
    series = open_tilt_series(stack)
    odd, even = find_halves(series) or (stack, stack)
    with pytest.raises(InputError, match="both halves"):
        open_halves(series, odd, odd)
    with pytest.raises(InputError, match="the series itself"):
        open_halves(series, stack, even)

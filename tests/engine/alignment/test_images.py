"""Images aligned while they are read: points land where the alignment says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_lbn.engine.alignment import AlignedImages, Alignment
from napari_lbn.engine.errors import InputError

RAW = (61, 75)


def alignment(**changes: Any) -> Alignment:
    values = {
        "angles": np.zeros(1),
        "rotations": np.zeros(1),
        "shifts": np.zeros((1, 2)),
        "sections": np.arange(1),
        **changes,
    }
    return Alignment(**values)


def bead(x: float, y: float, *, width: float = 2.0, shape: tuple[int, int] = RAW) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))[None].astype("f4")


def centroid(image: np.ndarray) -> tuple[float, float]:
    weights = np.clip(image - 0.05 * image.max(), 0, None)  # what lies outside is the mean
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return (columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()


def test_nothing_to_align_changes_nothing():
    raw = np.random.default_rng(0).normal(size=(1, *RAW)).astype("f4")
    images = AlignedImages(raw, alignment(), raw_pixel_size=3.0, shape=RAW)
    np.testing.assert_allclose(images[0], raw[0], atol=1e-5)


def test_a_quarter_turn_moves_x_to_y_exactly():
    raw = np.random.default_rng(0).normal(size=(1, *RAW)).astype("f4")
    images = AlignedImages(
        raw, alignment(rotations=np.array([90.0])), raw_pixel_size=1.0, shape=RAW[::-1]
    )
    # x becomes y, y becomes -x
    np.testing.assert_allclose(images[0], raw[0].T[:, ::-1], atol=1e-5)


@given(
    rotation=st.floats(-180, 180),
    shift=st.tuples(st.floats(-12, 12), st.floats(-12, 12)),
    scale=st.floats(0.9, 1.1),
    place=st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
)
def test_a_bead_lands_where_the_formula_says(rotation, shift, scale, place):
    pixel = 2.5
    centre = np.array([(RAW[1] - 1) / 2, (RAW[0] - 1) / 2])
    found = alignment(
        rotations=np.array([rotation]),
        shifts=np.array([shift]) * pixel,
        magnifications=np.array([scale]),
    )
    images = AlignedImages(bead(*(centre + place)), found, raw_pixel_size=pixel, shape=(81, 81))
    angle = np.deg2rad(rotation)
    x = scale * (np.cos(angle) * place[0] - np.sin(angle) * place[1]) + shift[0] + 40
    y = scale * (np.sin(angle) * place[0] + np.cos(angle) * place[1]) + shift[1] + 40
    assert centroid(images[0]) == pytest.approx((x, y), abs=0.02)


@given(rotation=st.floats(-95, 95), start=st.integers(0, 60), height=st.integers(1, 20))
@settings(max_examples=30)
def test_rows_come_out_as_from_the_whole_image(rotation, start, height):
    raw = np.random.default_rng(1).normal(size=(1, *RAW)).astype("f4")
    found = alignment(rotations=np.array([rotation]), shifts=np.array([[3.3, -5.7]]))
    images = AlignedImages(raw, found, raw_pixel_size=1.0, shape=(70, 66), binning=1.5)
    rows = slice(start, min(start + height, 70))
    np.testing.assert_allclose(images[0, rows], images[0][rows], atol=2e-5)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch):
    raw = np.random.default_rng(1).normal(size=(1, *RAW)).astype("f4")
    found = alignment(rotations=np.array([80.0]), shifts=np.array([[3.3, -5.7]]))
    images = AlignedImages(raw, found, raw_pixel_size=1.0, shape=(75, 61))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    alone = images[0]
    monkeypatch.setattr("napari_lbn.engine.alignment.images.PIXELS_PER_THREAD", 500)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    np.testing.assert_allclose(images[0], alone, atol=2e-5)


def test_binning_keeps_places_and_removes_what_it_cannot_hold():
    centre = np.array([(RAW[1] - 1) / 2, (RAW[0] - 1) / 2])
    found = alignment(shifts=np.array([[8.0, -4.0]]))
    images = AlignedImages(
        bead(*centre, width=3.0), found, raw_pixel_size=2.0, shape=(31, 37), binning=2.0
    )
    assert centroid(images[0]) == pytest.approx((18 + 2, 15 - 1), abs=0.02)
    checks = (np.indices(RAW).sum(axis=0) % 2).astype("f4")[None]  # beyond the new Nyquist
    blank = AlignedImages(checks, alignment(), raw_pixel_size=1.0, shape=(20, 24), binning=2.0)
    inner = blank[0][5:-5, 5:-5]
    assert np.ptp(inner) < 0.02
    assert inner.mean() == pytest.approx(0.5, abs=0.01)


def test_one_interpolation_keeps_what_two_lose():
    rng = np.random.default_rng(2)
    raw = ndimage.gaussian_filter(rng.normal(size=RAW), 1.2)[None].astype("f4")
    turn = alignment(rotations=np.array([7.0]))
    back = alignment(rotations=np.array([-7.0]))
    once = AlignedImages(raw, turn, raw_pixel_size=1.0, shape=RAW)
    again = AlignedImages(once[0][None], back, raw_pixel_size=1.0, shape=RAW)
    inner = (slice(15, -15), slice(15, -15))
    # there and back: what is lost is the loss of two interpolations
    assert np.corrcoef(again[0][inner].ravel(), raw[0][inner].ravel())[0, 1] > 0.999


def test_outside_of_the_raw_image_is_its_mean_and_bad_pixels_do_not_spread():
    raw = np.random.default_rng(3).normal(50, 1, size=(1, *RAW)).astype("f4")
    raw[0, 30, 30] = np.nan
    found = alignment(shifts=np.array([[40.0, 0.0]]))
    image = AlignedImages(raw, found, raw_pixel_size=1.0, shape=RAW)[0]
    assert np.isfinite(image).all()
    assert image[:, 0] == pytest.approx(np.nanmean(raw), abs=0.3)
    far = alignment(shifts=np.array([[4000.0, 0.0]]))
    nothing = AlignedImages(raw, far, raw_pixel_size=1.0, shape=RAW)[0]
    assert np.ptp(nothing) == 0


def test_the_stack_is_indexed_as_an_array_is():
    raw = np.random.default_rng(4).normal(size=(4, *RAW)).astype("f4")
    found = Alignment(
        angles=np.arange(3.0),
        rotations=np.full(3, 5.0),
        shifts=np.zeros((3, 2)),
        sections=np.array([3, 0, 1]),
    )
    images = AlignedImages(raw, found, raw_pixel_size=1.0, shape=RAW)
    whole = np.asarray(images)
    assert whole.shape == images.shape == (3, *RAW)
    assert whole.dtype == images.dtype == np.float32
    np.testing.assert_array_equal(images[-1], whole[2])
    np.testing.assert_allclose(images[1:, 3:9, 2:5], whole[1:, 3:9, 2:5], atol=2e-5)
    np.testing.assert_array_equal(images[1, ::2], whole[1, ::2])
    np.testing.assert_array_equal(images[0, 7], whole[0, 7])
    with pytest.raises(IndexError):
        images[3]


@pytest.mark.parametrize(
    "changes",
    [
        {"shifts": np.full((1, 2), np.nan)},
        {"shifts": np.full((1, 2), 1e9)},
        {"rotations": np.array([1e5])},
        {"rotations": np.zeros(2)},
        {"magnifications": np.array([0.0])},
        {"sections": np.array([-1])},
        {"angles": np.zeros(0)},
    ],
)
def test_absurd_alignments_are_refused(changes):
    with pytest.raises(InputError):
        alignment(**changes)

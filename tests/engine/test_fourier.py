"""Fourier binning keeps the rotation centre and what lies below the new band limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.binning import automatic_binning, bin_series
from napari_lbn.engine.errors import InputError, WeightsError
from napari_lbn.engine.fourier import fourier_crop, fourier_pad
from napari_lbn.engine.tilt_series import TiltSeries


def blob(shape: tuple[int, int], y: float, x: float, sigma: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)).astype(np.float32)


def centroid(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    total = image.sum()
    return float((rows * image).sum() / total), float((columns * image).sum() / total)


@given(
    binning=st.integers(2, 6),
    height=st.integers(90, 121),
    width=st.integers(90, 121),
    dy=st.floats(-9, 9),
    dx=st.floats(-9, 9),
)
def test_position_about_the_rotation_centre_is_kept(
    binning: int, height: int, width: int, dy: float, dx: float
) -> None:
    image = blob((height, width), (height - 1) / 2 + dy, (width - 1) / 2 + dx, sigma=1.5 * binning)
    small = fourier_crop(image, binning)
    y, x = centroid(small)
    assert y - (small.shape[0] - 1) / 2 == pytest.approx(dy / binning, abs=0.02)
    assert x - (small.shape[1] - 1) / 2 == pytest.approx(dx / binning, abs=0.02)
    assert small.sum() * binning**2 == pytest.approx(image.sum(), rel=0.01)


@given(binning=st.integers(2, 4), size=st.integers(60, 80))
def test_padding_undoes_cropping_of_band_limited_images(binning: int, size: int) -> None:
    image = blob((size, size + 7), size / 2 - 4, size / 2 + 3, sigma=2.0 * binning)
    back = fourier_pad(fourier_crop(image, binning), binning, image.shape)
    assert back.shape == image.shape
    assert abs(back - image).max() < 0.005


def test_cropping_does_not_alias() -> None:
    x = np.arange(256)
    image = np.tile(np.cos(2 * np.pi * 0.3 * x), (256, 1)).astype(np.float32)
    assert fourier_crop(image, 4)[:, 8:-8].std() < 0.02


def test_binning_leaves_the_mean() -> None:
    image = np.random.default_rng(0).normal(30, 2, (67, 81)).astype(np.float32)
    assert fourier_crop(image, 3).mean() == pytest.approx(30, rel=0.005)


@pytest.mark.parametrize("binning", [0, -1, 1.5])
def test_nonsense_binning_is_refused(binning: float) -> None:
    with pytest.raises(InputError, match="whole number"):
        fourier_crop(np.zeros((8, 8), np.float32), binning)  # type: ignore[arg-type]


@pytest.mark.parametrize(("pixel", "expected"), [(10.0, 1), (8.0, 1), (1.35, 6), (7.9, 1), (3, 3)])
def test_automatic_binning(pixel: float, expected: int) -> None:
    assert automatic_binning(pixel, (8.0, 20.0), "TS") == expected


def test_series_coarser_than_the_weights_is_refused() -> None:
    with pytest.raises(WeightsError, match="coarser"):
        automatic_binning(30.0, (8.0, 20.0), "TS")
    with pytest.raises(InputError, match="pixel size is unknown"):
        automatic_binning(None, (8.0, 20.0), "TS")


def test_binned_series_keeps_angles_exclusions_and_order() -> None:
    images = np.random.default_rng(0).normal(5, 1, (3, 40, 48)).astype(np.float32)
    series = TiltSeries.from_array(images, [10, -10, 0], pixel_size=4.0).with_excluded([1])
    binned = bin_series(series, 2)
    assert binned.pixel_size == 8
    assert binned.excluded == {1}
    np.testing.assert_array_equal(binned.angles, [-10, 0, 10])
    np.testing.assert_allclose(binned.read([0])[0], fourier_crop(images[1], 2))

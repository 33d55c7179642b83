"""Figures of merit against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.evaluation.hold_out.ceiling import ceiling_from_halves, estimated_ceiling
from napari_lbn.engine.evaluation.metrics import (
    BAND_EDGES,
    BANDS,
    agreements,
    averaged,
    band_correlations,
    correlation,
    hann,
    nyquist_fraction,
)


def images(seed: int, shape: tuple[int, int] = (33, 40)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=shape)
    return a, 0.6 * a + rng.normal(size=shape)


@given(st.integers(0, 1000), st.floats(0.1, 50), st.floats(-100, 100))
def test_figures_do_not_depend_on_scale_and_offset(seed: int, scale: float, offset: float) -> None:
    a, b = images(seed)
    for name, found in agreements(a, b).items():
        other = agreements(scale * a + offset, b)[name]
        assert other.correlation == pytest.approx(found.correlation, abs=1e-9)


@given(st.integers(0, 1000))
def test_errors_follow_their_definitions(seed: int) -> None:
    a, b = images(seed)
    found = agreements(a, b)["full"]
    x, y = ((v - v.mean()) / v.std() for v in (a, b))
    assert found.mse == pytest.approx(np.mean((x - y) ** 2))
    slope = np.polyfit(a.ravel(), y.ravel(), 1)
    assert found.mse_scaled == pytest.approx(np.mean((np.polyval(slope, a) - y) ** 2))
    assert found.correlation == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_bands_see_only_their_own_frequencies() -> None:
    y, x = np.mgrid[:64, :64]
    slow, fast = np.sin(2 * np.pi * x * 3 / 64), np.cos(2 * np.pi * y * 22 / 64)
    low, _, _, high = band_correlations(slow + fast, slow - fast)
    assert low == pytest.approx(1, abs=1e-3)
    assert high == pytest.approx(-1, abs=1e-3)
    assert set(BANDS) <= set(agreements(slow + fast, slow - fast))


@pytest.mark.parametrize("shape", [(33, 40), (32, 41)])
def test_bands_are_those_of_the_whole_transform(shape: tuple[int, int]) -> None:
    """Half of a real image's transform stands for all of it, in even and odd sizes."""
    a, b = images(5, shape)
    window = hann(shape)
    x, y = (np.fft.fft2((v - np.average(v, weights=window)) * window) for v in (a, b))
    radius = nyquist_fraction(shape)
    for low, high, found in zip(BAND_EDGES, BAND_EDGES[1:], band_correlations(a, b), strict=False):
        band = (radius > low) & (radius <= high)
        expected = np.vdot(y[band], x[band]).real
        expected /= np.linalg.norm(x[band]) * np.linalg.norm(y[band])
        assert found == pytest.approx(expected, abs=1e-12)


def test_averaging_cuts_off_what_does_not_fill_a_block() -> None:
    image = np.arange(35.0).reshape(5, 7)
    np.testing.assert_allclose(averaged(image, 2)[0], [4, 6, 8])
    assert averaged(image, 2).shape == (2, 3)


def test_a_constant_image_correlates_with_nothing() -> None:
    assert correlation(np.ones((4, 4)), np.eye(4)) == 0


def test_ceilings_are_the_correlation_of_truth_and_noisy_tilt() -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:160, :160]
    truth = np.sin(x / 9) * np.cos(y / 13)
    odd, even = (truth + rng.normal(0, 1.4, truth.shape) for _ in range(2))
    tilt = (odd + even) / 2
    measured = {c.scale: c.correlation for c in ceiling_from_halves(odd, even, 0.0)}
    estimated = {c.scale: c.correlation for c in estimated_ceiling(tilt, 0.0)}
    for factor, scale in ((1, "full"), (2, "2x2"), (4, "4x4")):
        actual = correlation(averaged(truth, factor), averaged(tilt, factor))
        assert measured[scale] == pytest.approx(actual, abs=0.03)
        assert estimated[scale] == pytest.approx(actual, abs=0.03)
    assert "measured" in ceiling_from_halves(odd, even, 0.0)[0].source
    assert "estimated" in estimated_ceiling(tilt, 0.0)[0].source

"""Filters: the ramp of the paper, its windows, and lines that do not end at their edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.reconstruction import filter_tilts, ramp_response
from napari_lbn.engine.reconstruction.filters import filter_response

FILTERS = ["ramp", "hamming", "cosine", "none"]


def lines(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize("n", [64, 65, 256])
def test_ramp_is_the_band_limited_impulse_response(n):
    """1/4 at 0, 0 at even and -1 / (pi k)^2 at odd distances (Kak & Slaney, eq. 3-61)."""
    impulse = torch.fft.irfft(ramp_response(n, dtype=torch.float64), n=n).numpy()
    k = np.arange(1, n // 2)
    assert impulse[0] == pytest.approx(0.25)
    np.testing.assert_allclose(impulse[k], np.where(k % 2, -1 / (np.pi * k) ** 2, 0), atol=1e-12)


def test_ramp_is_the_frequency_and_keeps_some_of_the_mean():
    n = 256
    response = ramp_response(n, dtype=torch.float64).numpy()
    np.testing.assert_allclose(response[4:], np.fft.rfftfreq(n)[4:], rtol=1e-2)
    assert 0 < response[0] < 1 / n


@pytest.mark.parametrize(("name", "at_nyquist"), [("ramp", 1), ("hamming", 0.08), ("cosine", 0)])
def test_windows_leave_low_frequencies_and_damp_high_ones(name, at_nyquist):
    ramp = ramp_response(128, dtype=torch.float64)
    window = (filter_response(name, 128, dtype=torch.float64) / ramp).numpy()
    assert window[0] == pytest.approx(1)
    assert window[-1] == pytest.approx(at_nyquist, abs=1e-12)
    assert np.all(np.diff(window) <= 1e-12)


def test_no_filter_changes_nothing():
    tilts = lines(2, 3, 40)
    torch.testing.assert_close(filter_tilts(tilts, "none"), tilts)


@pytest.mark.parametrize("pad", ["taper", "zero"])
@given(
    width=st.integers(1, 50),
    margin=st.integers(0, 70),
    name=st.sampled_from(FILTERS),
    a=st.floats(-3, 3),
)
def test_filters_are_linear_for_every_width(pad, width, margin, name, a):
    one, two = lines(2, width), lines(2, width, seed=1)
    options = {"pad": pad, "margin": margin}
    together = filter_tilts(one + a * two, name, **options)
    apart = filter_tilts(one, name, **options) + a * filter_tilts(two, name, **options)
    assert together.shape == (2, width + 2 * margin)
    torch.testing.assert_close(together, apart)


@given(width=st.integers(1, 60), margin=st.integers(0, 40))
def test_margin_only_adds_to_the_sides(width, margin):
    tilts = lines(3, width)
    extended = filter_tilts(tilts, "none", margin=margin)
    torch.testing.assert_close(extended[:, margin : margin + width], tilts)


@given(width=st.integers(24, 80), phase=st.floats(0, 6.3))
def test_the_extension_goes_on_without_a_step(width, phase):
    line = torch.cos(torch.arange(width, dtype=torch.float64) / 8 + phase)[None]
    steps = filter_tilts(line, "none", margin=width).diff().abs()
    assert steps.max() < 0.25  # those of the line itself reach 1 / 8


def test_filters_commute_with_the_mirror():
    tilts = lines(2, 37)
    mirrored = filter_tilts(tilts.flip(-1), "ramp", margin=9)
    torch.testing.assert_close(mirrored.flip(-1), filter_tilts(tilts, "ramp", margin=9))


def test_an_even_specimen_beyond_both_edges_filters_to_an_even_line():
    """Where zero padding makes both edges stand out by more than half the specimen's value."""
    tilts = torch.full((1, 200), 100.0, dtype=torch.float64)
    tapered = filter_tilts(tilts, "ramp", margin=20)[0]
    padded = filter_tilts(tilts, "ramp", pad="zero")[0]
    assert tapered.max() - tapered.min() < 1e-9
    assert padded.max() - padded.min() > 10


def test_a_slope_does_not_ring():
    """A thickness gradient has two different edges; the blend between them is far away."""
    slope = torch.linspace(80, 120, 200, dtype=torch.float64)[None]
    filtered = filter_tilts(slope, "ramp")[0]
    assert filtered.abs().max() < 1
    assert filter_tilts(slope, "ramp", pad="zero")[0].abs().max() > 10


def test_a_particle_in_free_space_filters_as_if_nothing_were_beyond():
    tilts = torch.zeros(1, 128, dtype=torch.float64)
    tilts[0, 40:80] = lines(40)
    free = filter_tilts(tilts, "ramp", pad="zero", margin=16)
    torch.testing.assert_close(filter_tilts(tilts, "ramp", margin=16), free)


def test_zero_padding_is_the_linear_convolution():
    tilts = lines(1, 30)
    k = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    kernel = np.where(k % 2, -1 / (np.pi * np.maximum(k, 1)) ** 2, 0) + 0.25 * np.eye(30)
    expected = torch.from_numpy(tilts.numpy() @ kernel)
    torch.testing.assert_close(filter_tilts(tilts, "ramp", pad="zero"), expected)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_differentiable(name):
    tilts = lines(2, 11).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: filter_tilts(t, name, margin=3), tilts)


def test_precision_follows_the_tilts():
    for dtype in (torch.float32, torch.float64):
        assert filter_tilts(lines(2, 16).to(dtype), "hamming").dtype == dtype

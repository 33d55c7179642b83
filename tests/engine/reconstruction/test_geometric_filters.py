"""Windows, low-pass, the SIRT-like filter and the exact weighting as physical facts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.angular_weights import measured_weights
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.reconstruction import WBPSettings, back_project_slab
from napari_lbn.engine.reconstruction.responses import (
    exact_weighting,
    fall_off,
    filter_response,
    ramp_response,
    sirt_like,
)
from napari_lbn.engine.reconstruction.tilt_response import TiltResponse

FREQUENCY = torch.fft.rfftfreq(256, dtype=torch.float64)


def test_shepp_logan_is_the_ramp_times_sinc():
    ratio = filter_response("shepp-logan", 256) / ramp_response(256)
    torch.testing.assert_close(ratio.double(), torch.sinc(FREQUENCY), rtol=1e-5, atol=1e-6)
    assert ratio[-1] == pytest.approx(2 / np.pi, rel=1e-5)


@given(cutoff=st.floats(0.05, 0.5), falloff=st.floats(0, 0.2))
def test_the_low_pass_passes_up_to_the_cutoff_and_falls_beyond(cutoff, falloff):
    passed = fall_off(FREQUENCY, cutoff, falloff)
    assert (passed[cutoff >= FREQUENCY] == 1).all()
    assert (passed.diff() <= 0).all()
    if falloff > 0.01:
        at = fall_off(torch.tensor([cutoff + falloff], dtype=torch.float64), cutoff, falloff)
        assert at.item() == pytest.approx(np.exp(-0.5), rel=1e-6)


def test_the_sirt_like_filter_fills_the_ramp_in_with_iterations():
    ramp = ramp_response(256, dtype=torch.float64)
    responses = [sirt_like(256, 2.0, 50, k) for k in (1, 10, 100, 100_000)]
    for fewer, more in pairwise(responses):
        assert (more >= fewer - 1e-15).all()
    assert (responses[-1] <= ramp + 1e-15).all()
    torch.testing.assert_close(responses[-1], ramp, rtol=1e-3, atol=1e-6)
    # One iteration is plain back-projection, as soon as tilts do not overlap wholly.
    one = responses[0][4:]
    torch.testing.assert_close(one, torch.full_like(one, 1 / 100), rtol=2e-2, atol=0)


def test_even_tilts_weigh_like_the_ramp_up_to_the_crowther_frequency():
    """And one over the specimen's extent beyond it, where no tilts overlap."""
    angles, thickness = np.arange(-89.0, 91.0, 2.0), 40
    exact = exact_weighting(512, angles, thickness, 40)[44].numpy()
    frequency = np.fft.rfftfreq(512)
    crowther = 1 / (thickness * np.deg2rad(2))
    below = (frequency > 0.1 * crowther) & (frequency < 0.5 * crowther)
    ramp = frequency * np.deg2rad(2)
    np.testing.assert_allclose(exact[below], ramp[below], rtol=0.12)
    sparse = exact_weighting(512, (-45.0, 0.0, 45.0), 40, 400)[1].numpy()
    np.testing.assert_allclose(sparse[frequency > 0.1], 1 / 40)


def test_tilts_at_one_angle_share_its_exact_weight():
    once = exact_weighting(64, (-20.0, 0.0, 20.0), 30, 90)
    twice = exact_weighting(64, (-20.0, 0.0, 0.0, 20.0), 30, 90)
    assert (twice[1] <= once[1]).all()
    torch.testing.assert_close(twice[1][8:], once[1][8:] / 2)


def test_exact_weighting_beside_a_gap_needs_no_angular_weights():
    angles = np.array([-40.0, -38, -36, 0, 2, 4])
    response = exact_weighting(256, angles, 60, 300)
    # The tilt in the middle of its group overlaps with most, and counts least.
    assert (response[1, 20:40] < response[0, 20:40]).all()
    assert (response[4, 20:40] < response[3, 20:40]).all()


@pytest.mark.parametrize("name", ["sirt-like", "exact", "shepp-logan"])
def test_tomograms_are_linear_and_mirror_with_the_series(name):
    angles = np.array([-50.0, -30, -11, 4, 20, 35])
    tilts = np.random.default_rng(0).normal(size=(6, 2, 24)).astype(np.float32)
    options = WBPSettings(thickness=9, filter=name, cutoff=0.4)
    tomogram = back_project_slab(tilts, angles, None, options)
    mirrored = back_project_slab(tilts[::-1, :, ::-1], -angles[::-1], None, options)
    np.testing.assert_allclose(mirrored[..., ::-1], tomogram, atol=1e-5)
    np.testing.assert_allclose(
        back_project_slab(3 * tilts, angles, None, options), 3 * tomogram, atol=1e-4
    )


def test_exact_weights_are_the_same_with_or_without_default_weights():
    angles = np.arange(-60.0, 61, 10)
    settings = WBPSettings(thickness=20, filter="exact")
    given_weights = measured_weights(angles)
    full = TiltResponse(angles, given_weights, 40, settings).of(slice(0, 3))(64)
    half = TiltResponse(angles, given_weights / 2, 40, settings).of(slice(0, 3))(64)
    torch.testing.assert_close(half, full / 2)
    torch.testing.assert_close(full[:, 0], exact_weighting(64, angles, 20, 40)[:3])


@pytest.mark.parametrize(
    "options",
    [
        {"cutoff": 0.0},
        {"cutoff": 0.6},
        {"falloff": -1.0},
        {"falloff": np.nan},
        {"sirt_iterations": 0},
    ],
)
def test_impossible_filters_are_refused(options):
    with pytest.raises(InputError):
        WBPSettings(thickness=4, **options)

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.simulation.imaging.contrast import ELECTRON_WAVELENGTH, image, transfer
from napari_lbn.engine.simulation.imaging.microscope import Imaging, MicroscopeSettings
from napari_lbn.engine.simulation.imaging.noise import add_noise, noise_profile, to_counts
from napari_lbn.engine.simulation.series import clean_tilts
from napari_lbn.engine.simulation.specimens.specimen import make_specimen

OPTICS = MicroscopeSettings(misalignment=(0.0, 0.0), defocus_jitter=0.0, shading=(0.0, 0.0))


def imaging(angles=(0.0,), **changes) -> Imaging:
    return replace(Imaging.draw(OPTICS, angles, np.random.default_rng(1)), **changes)


def test_transmission_falls_as_the_thickness_over_the_cosine(plain):
    specimen = make_specimen(plain, 0)
    angles = np.array([-60.0, -45.0, 0.0, 45.0, 60.0])
    optics = imaging(angles, exposure=np.ones(5))
    clean = clean_tilts(specimen, optics, angles, view=0)
    path = specimen.thickness * specimen.pixel_size / 10 / np.cos(np.deg2rad(angles))
    counts = to_counts(clean, optics.exposure, electrons=30.0).mean(axis=(1, 2))
    np.testing.assert_allclose(counts, 30 * np.exp(-path / optics.mean_free_path), rtol=0.01)


@given(defocus=st.floats(2, 7), contrast=st.floats(0.05, 0.2))
def test_the_first_zero_of_the_transfer_lies_where_the_phase_reaches_pi(defocus, contrast):
    # Without spherical aberration: pi L d k² + asin(A) = pi.
    zero = np.sqrt((np.pi - np.arcsin(contrast)) / (np.pi * ELECTRON_WAVELENGTH * defocus * 1e4))
    below, above = transfer(zero * np.array([0.97, 1.03]), defocus, contrast, 0.0)
    assert below > 0 > above
    assert transfer(np.zeros(1), defocus, contrast, 300.0)[0] == pytest.approx(1)


def test_images_have_the_transfer_functions_zero():
    size, pixel = 96, 8.0
    rng = np.random.default_rng(0)
    field = rng.standard_normal((1, 2 * size + 64, 2 * size + 64)).astype(np.float32)
    optics = imaging(defocus=np.array([4.0]), b_factor=np.zeros(1))
    tilt = image(field, optics, pixel_size=pixel, oversampling=2, margin=16)[0]
    power = np.abs(np.fft.fft2(tilt * np.hanning(size)[:, None] * np.hanning(size))) ** 2
    k = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)) / pixel
    zero = np.sqrt(
        (np.pi - np.arcsin(optics.amplitude_contrast)) / (np.pi * ELECTRON_WAVELENGTH * 4e4)
    )

    def ring(at):
        return power[np.abs(k - at) < 0.02 * zero].mean()

    assert ring(zero) < 0.1 * min(ring(0.75 * zero), ring(1.2 * zero))


def test_damage_adds_up_in_one_of_the_usual_orders():
    angles = np.arange(-60.0, 61.0, 3.0)
    schemes = set()
    for seed in range(20):
        optics = replace(OPTICS, exposure_power=(0.0, 0.0))
        dose = Imaging.draw(optics, angles, np.random.default_rng(seed)).dose
        steps = np.diff(np.sort(dose))
        # Every tilt adds the same dose to those acquired before it.
        np.testing.assert_allclose(steps, steps[0])
        assert 60 <= steps[0] * 41 <= 150
        assert dose.min() == pytest.approx(steps[0] / 2)
        schemes.add(angles[np.argmin(dose)])
        # Whatever the scheme, the branch of positive angles is acquired outwards.
        assert (np.diff(dose[20:]) > 0).all()
    assert schemes == {-60.0, 0.0}


def test_a_shift_moves_the_tilt_by_as_much(point_specimen):
    specimen = point_specimen(0.0, 0.0, 0.0)
    still = imaging(ctf=False)
    moved = replace(still, shifts=np.array([[0.6, -1.3]]))
    first, second = (clean_tilts(specimen, optics, (0.0,), view=0)[0] for optics in (still, moved))
    grid = np.indices(first.shape)
    centre = [(grid * tilt).sum(axis=(1, 2)) / tilt.sum() for tilt in (first, second)]
    np.testing.assert_allclose(centre[1] - centre[0], [0.6, -1.3], atol=0.02)


def textured(n=5, size=64) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.stack([0.4 + 0.05 * rng.standard_normal((size, size)) for _ in range(n)]).astype(
        np.float32
    )


@pytest.mark.parametrize("blur", [0.0, 0.2, None])
@pytest.mark.parametrize("snr", [0.05, 0.5])
def test_noise_has_the_ratio_that_was_asked_for(snr, blur):
    clean = textured()
    noise = add_noise(clean, snr, np.random.default_rng(0), blur=blur) - clean
    assert clean[2].var() / noise[2].var() == pytest.approx(snr, rel=0.06)


def test_a_bead_does_not_raise_the_noise():
    clean = textured()
    with_bead = clean.copy()
    with_bead[:, 20:26, 20:26] += 2
    noise = [add_noise(c, 0.3, np.random.default_rng(0)) - c for c in (clean, with_bead)]
    assert noise[1].std() == pytest.approx(noise[0].std(), rel=0.1)


def test_noise_is_independent_between_tilts_and_between_draws():
    clean = textured()
    rng = np.random.default_rng(0)
    first, second = (add_noise(clean, 0.1, rng) - clean for _ in range(2))
    flat = np.concatenate([first, second]).reshape(10, -1)
    off = np.corrcoef(flat) - np.eye(10)
    assert np.abs(off).max() < 0.06


def test_coloured_noise_is_weakest_at_the_highest_frequency():
    clean = textured(n=20)
    noise = add_noise(clean, 0.1, np.random.default_rng(0), blur=0.2) - clean
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean(axis=0)
    expected = ((1 + 2 * 0.2) / (1 - 2 * 0.2)) ** 4
    assert power[:4, :4].mean() / power[30:34, 30:34].mean() == pytest.approx(expected, rel=0.35)


def test_noise_rises_with_tilt_as_counts_drop():
    angles = np.arange(-60, 61, 20)
    density = 0.5 / np.cos(np.deg2rad(angles))
    clean = np.broadcast_to(density[:, None, None], (7, 4, 4)).astype(np.float32)
    profile = noise_profile(clean, np.ones(7))
    # Counts at 60 degrees are exp(-0.5) of the untilted ones.
    assert profile[3] == 1
    assert profile[0] == pytest.approx(np.exp(0.25))
    assert profile[0] == pytest.approx(profile[-1])
    dosed = noise_profile(clean, np.array([4.0, 1, 1, 1, 1, 1, 1]))
    assert dosed[0] == pytest.approx(profile[0] / 2)


def test_counts_are_dark_where_dense():
    counts = to_counts(np.array([[[0.0, 1.0]]], np.float32), [1.0], electrons=20.0)
    np.testing.assert_allclose(counts[0, 0], [20.0, 20 / np.e], rtol=1e-6)

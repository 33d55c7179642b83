"""Defocus gradient, radiation damage, uneven light, pre-tilt, blank edges, counted electrons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.simulation.imaging.borders import BorderSettings, blank_borders, blanked
from napari_lbn.engine.simulation.imaging.contrast import damage, image, shading, transfer
from napari_lbn.engine.simulation.imaging.microscope import (
    Imaging,
    MicroscopeSettings,
    accumulated,
    acquisition_order,
)
from napari_lbn.engine.simulation.imaging.noise import detected, electrons_for, to_counts
from napari_lbn.engine.simulation.series import SimulationSettings, draw_imaging, image_view
from napari_lbn.engine.simulation.specimens.specimen import make_specimen

STEADY = MicroscopeSettings(
    misalignment=(0.0, 0.0), defocus_jitter=0.0, shading=(0.0, 0.0), exposure_power=(0.0, 0.0)
)


def imaging(angles, **changes) -> Imaging:
    return replace(Imaging.draw(STEADY, angles, np.random.default_rng(1)), **changes)


def power_at(strip: np.ndarray, frequency: float, pixel_size: float) -> float:
    """Power of an image on the ring of a frequency in 1/Å."""
    window = np.hanning(strip.shape[0])[:, None] * np.hanning(strip.shape[1])
    power = np.abs(np.fft.fft2((strip - strip.mean()) * window)) ** 2
    k = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in strip.shape), indexing="ij"))
    return float(power[np.abs(k / pixel_size - frequency) < 0.03 * frequency].mean())


def test_the_defocus_of_a_tilted_view_changes_across_the_tilt_axis():
    # At 60 degrees and 8 Å, 60 nm from the axis: 0.104 µm more or less defocus there.
    pixel, middle = 8.0, 2.0
    field = np.random.default_rng(0).standard_normal((1, 224, 416)).astype(np.float32)
    optics = imaging([60.0], defocus=np.array([middle]), b_factor=0.0, dose=np.zeros(1))
    tilt = image(field, optics, pixel_size=pixel, oversampling=1, margin=16)[0]
    flat = image(
        field, replace(optics, slope=np.zeros(1)), pixel_size=pixel, oversampling=1, margin=16
    )[0]
    q = (np.arange(384) - 191.5) * pixel
    frequency, ratios = 0.052, []
    for strip in (slice(16, 112), slice(272, 368)):
        defocus = middle + q[strip].mean() * np.tan(np.deg2rad(60)) * 1e-4
        amplitude = optics.amplitude_contrast
        at = np.array([frequency])
        expected = (transfer(at, defocus, amplitude, 0) / transfer(at, middle, amplitude, 0)) ** 2
        found = power_at(tilt[:, strip], frequency, pixel) / power_at(
            flat[:, strip], frequency, pixel
        )
        assert found == pytest.approx(expected[0], rel=0.3, abs=0.2)
        ratios.append(found)
    # One side is near a zero of the transfer, the other near a peak.
    assert max(ratios) > min(ratios) + 0.7


def test_a_switch_turns_the_defocus_gradient_off():
    still = Imaging.draw(replace(STEADY, defocus_gradient=False), [60.0], np.random.default_rng(1))
    assert still.slope == 0


def test_damage_follows_the_published_critical_exposure():
    # Grant & Grigorieff: 0.24499 * 0.1 ** -1.6649 + 2.8141 = 14.1 e/Å² at 10 Å.
    assert damage(np.array([0.1]), 14.14)[0] == pytest.approx(np.exp(-0.5), rel=0.01)
    assert damage(np.array([0.0]), 100.0)[0] == pytest.approx(1, abs=1e-3)
    fine, coarse = damage(np.array([0.1, 0.02]), 60.0)
    assert fine < coarse < 1


def test_damage_has_a_switch_and_dims_late_tilts_only_where_it_is_on():
    field = np.random.default_rng(0).standard_normal((2, 96, 96)).astype(np.float32)
    optics = imaging(
        [0.0, 0.0], dose=np.array([0.0, 120.0]), defocus=np.array([3.0, 3.0]), slope=np.zeros(2)
    )
    fields = np.stack([field[0], field[0]])
    early, late = image(fields, optics, pixel_size=10.0, oversampling=1, margin=8)
    assert late.std() < 0.6 * early.std()
    unhurt = replace(optics, damage=False)
    early, late = image(fields, unhurt, pixel_size=10.0, oversampling=1, margin=8)
    np.testing.assert_allclose(late, early, atol=1e-6)


def test_damage_does_not_need_the_contrast_transfer():
    field = np.random.default_rng(0).standard_normal((1, 96, 96)).astype(np.float32)
    fields = np.concatenate([field, field])
    optics = imaging([0.0, 0.0], dose=np.array([0.0, 120.0]), ctf=False)
    early, late = image(fields, optics, pixel_size=10.0, oversampling=1, margin=8)
    assert late.std() < 0.6 * early.std()
    early, late = image(
        fields, replace(optics, damage=False), pixel_size=10.0, oversampling=1, margin=8
    )
    np.testing.assert_array_equal(late, early)


@pytest.mark.parametrize(
    "wrong",
    [
        {"defocus": (-3.0, 4.0)},
        {"defocus": (np.nan, np.nan)},
        {"mean_free_path": (300.0, np.inf)},
        {"misalignment": (-1.0, 0.0)},
        {"shading": (0.1, 0.0)},
        {"dose": (0.0, 10.0)},
        {"pre_tilt": (0.0, 85.0)},
        {"pre_tilt": (-200.0, 0.0)},
    ],
)
def test_impossible_microscopes_are_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=name.replace("_", "[- ]")):
        MicroscopeSettings(**wrong)


@given(count=st.integers(2, 60), seed=st.integers(0, 100))
def test_accumulated_dose_is_what_earlier_tilts_gave(count, seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(-70, 70, count))
    dose = rng.uniform(0.5, 4, count)
    for scheme in ("dose-symmetric", "bidirectional", "unidirectional"):
        order = acquisition_order(angles, scheme)
        before = accumulated(dose, order)
        for tilt in range(count):
            earlier = dose[order < order[tilt]].sum()
            assert before[tilt] == pytest.approx(earlier + dose[tilt] / 2)
    assert angles[np.argmin(acquisition_order(angles, "dose-symmetric"))] == min(angles, key=abs)


def test_an_unknown_order_is_refused_by_name():
    with pytest.raises(InputError, match="spiral"):
        acquisition_order([0.0, 3.0], "spiral")


def test_exposure_is_constant_or_rises_with_the_path():
    angles = np.array([-60.0, 0.0, 45.0])
    for power, expected in ((0.0, [1, 1, 1]), (1.0, [2, 1, np.sqrt(2)])):
        settings = replace(STEADY, exposure_power=(power, power), dose=(100.0, 100.0))
        drawn = Imaging.draw(settings, angles, np.random.default_rng(0))
        np.testing.assert_allclose(drawn.exposure, expected)
        assert (drawn.exposure * drawn.dose_of_one).sum() == pytest.approx(100)


def test_uneven_light_is_smooth_and_does_not_change_the_mean():
    added = shading((64, 96), (0.02, -0.03, 0.05))
    assert added.mean() == pytest.approx(0, abs=1e-6)
    assert np.abs(np.diff(added, axis=1)).max() < 0.01
    assert np.ptp(added) > 0.05


def test_a_pre_tilted_slab_is_thinnest_where_stage_and_slab_cancel(plain):
    angles = tuple(float(a) for a in range(-60, 61, 10))
    optics = replace(STEADY, pre_tilt=(20.0, 20.0), ctf=False)
    settings = SimulationSettings(specimen=plain, microscope=optics, angles=angles)
    measured, drawn = draw_imaging(settings, 0, 0)
    # Beyond 60 degrees to the slab nothing is measured.
    assert measured.max() == 40
    assert drawn.defocus.shape == measured.shape
    series = image_view(make_specimen(plain, 0), settings, 0, view=0)
    means = series.clean.mean(axis=(1, 2))
    assert series.angles[np.argmin(means)] == -20
    np.testing.assert_allclose(
        means / means.min(), 1 / np.cos(np.deg2rad(series.angles + 20)), rtol=0.02
    )
    assert series.metadata["depth"] > 20 / np.cos(np.deg2rad(20))


def test_counted_electrons_have_poisson_noise():
    clean = np.full((2, 200, 200), 0.5, np.float32)
    counts = detected(clean, [1.0, 2.0], 50.0, np.random.default_rng(0))
    expected = to_counts(clean, [1.0, 2.0], 50.0)
    assert (counts == np.rint(counts)).all()
    for found, mean in zip(counts, expected[:, 0, 0], strict=True):
        assert found.mean() == pytest.approx(mean, rel=0.01)
        assert found.var() == pytest.approx(mean, rel=0.03)


def test_electrons_for_an_snr_give_that_snr():
    clean = (0.4 + 0.1 * np.random.default_rng(1).standard_normal((3, 160, 160))).astype(np.float32)
    electrons = electrons_for(clean, 0.5, 1)
    expected = to_counts(clean, np.ones(3), electrons)[1]
    noise = detected(clean, np.ones(3), electrons, np.random.default_rng(2))[1] - expected
    assert expected.var() / noise.var() == pytest.approx(0.5, rel=0.1)


def test_a_view_that_is_one_value_for_the_most_part_has_a_signal_all_the_same():
    clean = np.zeros((1, 40, 40), np.float32)
    clean[0, 10:20, 10:20] = 0.5
    expected = to_counts(clean, [1.0], electrons_for(clean, 0.5, 0))
    assert clean.var() * expected[0].mean() == pytest.approx(0.5, rel=0.1)


def test_a_flat_view_has_no_signal_to_noise_ratio():
    with pytest.raises(InputError, match="shows nothing"):
        electrons_for(np.full((1, 16, 16), 0.5, np.float32), 0.5, 0)


@pytest.mark.parametrize("rotation", [-5.0, 60.0, np.nan])
def test_an_alignment_turns_by_some_degrees(rotation):
    with pytest.raises(InputError, match="0 to 45"):
        BorderSettings(rotation=rotation)


@given(seed=st.integers(0, 1000), rotation=st.floats(0, 10), drift=st.floats(0, 0.2))
def test_blank_edges_leave_the_middle_and_are_constant(seed, rotation, drift):
    rng = np.random.default_rng(seed)
    settings = BorderSettings(rotation=rotation, drift=drift, jitter=0.0)
    blank = blank_borders((40, 60), [-60.0, 0.0, 60.0], settings, rng)
    assert not blank[:, 15:25, 25:35].any()
    tilts = rng.standard_normal((3, 40, 60)).astype(np.float32)
    edged = blanked(tilts, blank)
    np.testing.assert_array_equal(edged[~blank], tilts[~blank])
    for tilt, mask in zip(edged, blank, strict=True):
        assert np.ptp(tilt[mask]) == 0 if mask.any() else True


def test_a_turned_image_leaves_four_corners_blank_and_a_shift_one_side():
    rng = np.random.default_rng(0)
    turned = BorderSettings(rotation=5.0, drift=0.0, jitter=0.0)
    (blank,) = blank_borders((64, 64), [0.0], turned, rng)
    assert blank[[0, 0, -1, -1], [0, -1, 0, -1]].all()
    assert not blank[31:33, 31:33].any()
    none = BorderSettings(rotation=0.0, drift=0.0, jitter=0.0)
    assert not blank_borders((64, 64), [0.0, 30.0], none, rng).any()

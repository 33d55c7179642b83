"""Disagreement, its calibration, and null tests."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.angular_weights import synthesized_weights
from napari_lbn.engine.correct import CorrectionSettings, measure_intensities, plan
from napari_lbn.engine.correct.rows import synthesized_rows
from napari_lbn.engine.errors import Cancelled, InputError, OutputError
from napari_lbn.engine.evaluation.null_tests import (
    NOISE,
    PHASES,
    noise_like,
    null_series,
    null_tests,
    particle_test,
    with_random_phases,
)
from napari_lbn.engine.evaluation.spread.calibration import calibrate
from napari_lbn.engine.evaluation.spread.disagreement import (
    DisagreementSettings,
    disagreement,
    measure_disagreement,
    random_subsets,
)
from napari_lbn.engine.evaluation.spread.regional_calibration import calibrate_regions
from napari_lbn.engine.evaluation.spread.relative import relative_spread
from napari_lbn.engine.events import Progress, SlabReady, TiltReady, drain
from napari_lbn.engine.network import LBN
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.synthesis import SynthesisSettings
from napari_lbn.engine.tilt_series import TiltSeries

SYNTHESIS = SynthesisSettings(device="cpu", thickness=20)
SETTINGS = DisagreementSettings(wbp=WBPSettings(thickness=20), synthesis=SYNTHESIS, subsets=3)
WEDGE = np.array([-72.0, 72.0, 90.0])


def test_disagreement_is_mean_and_spread_over_subsets(
    particles: TiltSeries, small_network: LBN
) -> None:
    events: list = []
    found = drain(disagreement(particles, small_network, WEDGE, SETTINGS), events.append)
    assert found.mean.shape == found.spread.shape == (3, 40, 48)
    assert found.spread.min() >= 0
    assert found.spread.max() > 0
    assert "not proof" in found.label
    assert [e.angle for e in events if isinstance(e, TiltReady)] == list(WEDGE)
    slabs = [e for e in events if isinstance(e, SlabReady)]
    for part in ("mean", "spread", "relative spread"):
        rows = np.concatenate([np.arange(s.y_start, s.y_stop) for s in slabs if s.part == part])
        np.testing.assert_array_equal(rows, np.arange(40))
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def test_the_volume_is_back_projected_from_the_same_syntheses(
    particles: TiltSeries, small_network: LBN
) -> None:
    """WBP is linear: the mean of the tomograms is the tomogram of the mean tilts."""
    events: list = []
    found = drain(disagreement(particles, small_network, WEDGE, SETTINGS), events.append)
    slabs = {name: [] for name in ("mean", "spread", "relative spread")}
    for event in events:
        if isinstance(event, SlabReady):
            slabs[event.part].append(event.slab)
    mean, spread = (np.concatenate(slabs[name], axis=1) for name in ("mean", "spread"))
    stats = measure_intensities(particles)
    expected = back_project_slab(
        synthesized_rows(found.mean, WEDGE, stats)(slice(None)),
        WEDGE,
        synthesized_weights(particles.angles, WEDGE),
        SETTINGS.wbp,
    )
    np.testing.assert_allclose(mean, expected, atol=1e-4 * np.abs(expected).max())
    assert found.structure == pytest.approx(mean.std(), rel=1e-3)
    assert 0 <= spread.min() < spread.max()
    # in slabs as in one piece: no region is cut
    relative = np.concatenate(slabs["relative spread"], axis=1)
    np.testing.assert_array_equal(relative, relative_spread(mean, spread))


def test_subsets_that_agree_have_no_spread(small_network: LBN) -> None:
    """Tilts without any contrast leave nothing to disagree about."""
    images = np.full((21, 40, 48), 7, np.float32)
    flat = TiltSeries.from_array(images, np.arange(-60.0, 61, 6), pixel_size=10.0, name="flat")
    found = drain(disagreement(flat, small_network, WEDGE, SETTINGS))
    assert found.spread.max() <= 1e-4 * 7


def test_disagreement_of_a_correction_bins_as_it_does(small_weights: Path) -> None:
    images = np.random.default_rng(0).normal(size=(9, 64, 80)).astype(np.float32)
    series = TiltSeries.from_array(images, np.arange(-40.0, 41, 10), pixel_size=5.0, name="fine")
    settings = CorrectionSettings(thickness=16, weights=small_weights, device="cpu")
    chosen = plan(series, settings)
    assert chosen.binning == 2
    found = drain(measure_disagreement(series, settings, subsets=2))
    np.testing.assert_array_equal(found.angles, chosen.new_angles)
    assert found.spread.shape == (chosen.new_angles.size, 32, 40)
    assert found.label in found.sentence


def test_a_disagreement_can_be_cancelled_and_leaves_no_file(
    particles: TiltSeries, small_network: LBN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cancel = threading.Event()
    job = disagreement(particles, small_network, WEDGE, SETTINGS, cancel=cancel)
    next(event for event in job if isinstance(event, SlabReady))
    assert list(tmp_path.iterdir())
    cancel.set()
    with pytest.raises(Cancelled):
        drain(job)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_before_any_work(
    particles: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="free"):
        drain(disagreement(particles, small_network, WEDGE, SETTINGS))


def test_the_same_seed_gives_the_same_subsets(particles: TiltSeries) -> None:
    first, again = (random_subsets(particles, SETTINGS) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.size == round(0.7 * 21)
    other = random_subsets(particles, replace(SETTINGS, seed=1))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_too_few_subsets_are_refused() -> None:
    with pytest.raises(InputError, match="at least 2"):
        replace(SETTINGS, subsets=1)


def test_an_ideal_spread_is_told_from_a_blind_one() -> None:
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.1, 2, 20000)
    error = spread * rng.standard_normal(20000)
    ideal, blind = calibrate(spread, error), calibrate(rng.permutation(spread), error)
    assert ideal.rank_correlation > 0.4
    assert ideal.large_errors_with_low_spread < 0.1
    np.testing.assert_allclose(ideal.error, ideal.spread, rtol=0.1)
    assert abs(blind.rank_correlation) < 0.05
    assert blind.large_errors_with_low_spread == pytest.approx(0.5, abs=0.05)
    assert np.ptp(blind.error) < 0.2


@given(st.integers(0, 100), st.floats(0.1, 10))
def test_calibration_ranks_only(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    spread, error = rng.uniform(1, 2, 500), rng.normal(size=500)
    plain, scaled = calibrate(spread, error), calibrate(scale * spread, error)
    assert scaled.rank_correlation == pytest.approx(plain.rank_correlation)
    assert scaled.error == pytest.approx(plain.error)


def uneven(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A truth, what is added to it in excess, and the true strength of that, uneven in space."""
    rng = np.random.default_rng(seed)
    strength = np.exp(1.5 * rng.normal(size=(5, 6, 7))).repeat(8, 0).repeat(8, 1).repeat(8, 2)
    shape = strength.shape
    return rng.normal(size=shape), strength * rng.normal(size=shape), strength


@pytest.mark.parametrize("seed", range(3))
def test_regions_that_are_invented_are_ranked_by_an_ideal_spread(seed: int) -> None:
    truth, excess, strength = uneven(seed)
    ideal = calibrate_regions(truth + excess, strength, 3 * truth + 5)
    assert ideal.invented > 0.8
    assert ideal.agreement > 0.8
    assert list(ideal.correlations) == sorted(ideal.correlations, reverse=True)
    shuffled = np.random.default_rng(seed).permuted(strength[::8, ::8, ::8].ravel())
    blind = shuffled.reshape(5, 6, 7).repeat(8, 0).repeat(8, 1).repeat(8, 2)
    assert abs(calibrate_regions(truth + excess, blind, truth).invented) < 0.25


def test_the_relative_spread_is_that_of_whole_regions() -> None:
    """A share of a half where the spread is half as strong, also in regions that are cut off."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(10, 20, 12))
    spread = np.abs(rng.normal(size=mean.shape))
    spread[:, 8:16] *= 3
    found = relative_spread(mean, spread)
    assert found.shape == mean.shape
    first = np.sqrt((spread[:8, :8, :8] ** 2).sum() / (mean[:8, :8, :8] ** 2).sum())
    np.testing.assert_allclose(found[:8, :8, :8], first, rtol=1e-6)
    last = np.sqrt((spread[8:, 16:, 8:] ** 2).sum() / (mean[8:, 16:, 8:] ** 2).sum())
    np.testing.assert_allclose(found[8:, 16:, 8:], last, rtol=1e-6)
    np.testing.assert_allclose(relative_spread(5 * mean, 5 * spread), found, rtol=1e-5)
    assert relative_spread(0 * mean, 0 * spread).max() == 0
    assert np.isfinite(relative_spread(0 * mean, spread)).all()


def test_volumes_without_regions_are_refused() -> None:
    small = np.zeros((8, 8, 8))
    with pytest.raises(InputError, match="too few regions"):
        calibrate_regions(small, small, small)
    with pytest.raises(InputError, match="do not match"):
        calibrate_regions(small, small, small[:4])


def structured() -> np.ndarray:
    return gaussian_filter(np.random.default_rng(0).normal(size=(96, 128)), 1.5)


@pytest.mark.parametrize("make", [noise_like, with_random_phases])
def test_null_tilts_keep_the_spectrum_and_lose_the_specimen(make) -> None:
    tilt = structured()
    null = make(tilt, np.random.default_rng(1))
    assert null.std() == pytest.approx(tilt.std(), rel=0.25)
    assert abs(np.corrcoef(null.ravel(), tilt.ravel())[0, 1]) < 0.15
    if make is with_random_phases:
        own, other = np.abs(np.fft.fft2(tilt - tilt.mean())), np.abs(np.fft.fft2(null))
        np.testing.assert_allclose(other, own, rtol=1e-5, atol=1e-6 * own.max())


@pytest.mark.parametrize("name", [NOISE, PHASES])
def test_null_series_have_the_means_and_scales_of_the_real_one(
    particles: TiltSeries, name: str
) -> None:
    series = particles.with_excluded([2])
    null, real = null_series(series, name).read(), series.read()
    np.testing.assert_allclose(null.mean((1, 2)), real.mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(null.std((1, 2)), real.std((1, 2)), rtol=1e-3)
    np.testing.assert_array_equal(null, null_series(series, name).read())
    np.testing.assert_array_equal(null[:, 3:9], null_series(series, name).read(rows=slice(3, 9)))


def test_null_tests_report_the_ratio_of_added_structure(
    particles: TiltSeries, small_network: LBN
) -> None:
    found = drain(null_tests(particles, small_network, WEDGE, SYNTHESIS))
    assert [test.name for test in found] == [NOISE, PHASES]
    for test in found:
        assert test.ratio == pytest.approx(test.null / test.real)
        assert test.real > 0
        assert f"{100 * test.ratio:.0f} %" in test.sentence


def test_a_particle_that_appears_fully_has_gain_one() -> None:
    rng = np.random.default_rng(3)
    before, particle = rng.normal(size=(2, 5, 20, 20)).astype(np.float32)
    full = particle_test(before, before + particle, particle)
    assert full.gain == pytest.approx(1, abs=1e-3)
    assert full.correlation == pytest.approx(1, abs=1e-3)
    assert particle_test(before, before, particle).gain == 0
    assert particle_test(before, before + 0.5 * particle, particle).gain == pytest.approx(0.5)

"""Smoothing of noisy tilts before they are encoded: when, how far, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.correct import CorrectionSettings, correct
from napari_lbn.engine.cost.tiling import MIN_ROWS, Tiling
from napari_lbn.engine.events import Event, Notice, Progress, drain
from napari_lbn.engine.io.weights.file import open_network
from napari_lbn.engine.network import LBN
from napari_lbn.engine.simulation import sample_series
from napari_lbn.engine.synthesis import Latents, Synthesis, SynthesisSettings, synthesize
from napari_lbn.engine.synthesis.smoothing import (
    CLEAN,
    MOST,
    correlation,
    smoothed,
    smoothing,
    some_tilts,
    tells_noise,
)
from napari_lbn.engine.tilt_series import TiltSeries

SETTINGS = SynthesisSettings(device="cpu", thickness=40)
ANGLES = np.array([-80.0, 0.0, 75.0])


def test_the_less_is_explained_the_more_is_smoothed() -> None:
    found = [smoothing(explained) for explained in np.linspace(CLEAN, 0.3, 50)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, MOST)
    assert smoothing(0.9) == 0
    assert smoothing(float("nan")) == 0
    assert smoothing(0.05) == 0  # such weights know nothing of such tilts


@given(st.integers(2, 200))
def test_tilts_are_looked_at_over_the_whole_range(count: int) -> None:
    some = some_tilts(count)
    assert (some[0], some[-1]) == (0, count - 1)
    assert np.all(np.diff(some) > 0)


def test_a_smoothed_tilt_keeps_its_mean_and_a_flat_one_everything() -> None:
    tilt = np.random.default_rng(0).normal(3, 1, (20, 30)).astype(np.float32)
    assert smoothed(tilt, 0.5).mean() == pytest.approx(tilt.mean(), abs=1e-3)
    assert smoothed(tilt, 0.5).std() < 0.8 * tilt.std()
    assert smoothed(tilt, 0) is tilt
    flat = np.full((5, 6), 2, np.float32)
    np.testing.assert_allclose(smoothed(flat, 0.6), flat, rtol=1e-6)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tilts count as noisy, though an untrained network cannot know."""
    stages = "napari_lbn.engine.synthesis.stages"
    monkeypatch.setattr(f"{stages}.smoothing", lambda explained: 0.5)
    monkeypatch.setattr(f"{stages}.tells_noise", lambda config: True)


@pytest.mark.usefixtures("always")
def test_smoothed_tilts_are_encoded_and_nothing_else_changes(
    small_series: TiltSeries, small_network: LBN
) -> None:
    plain = drain(synthesize(small_series, small_network, ANGLES, replace(SETTINGS, smooth=False)))
    latents: Latents = {}
    job = synthesize(small_series, small_network, ANGLES, SETTINGS, latents=latents)
    events: list[Event] = []
    found = drain(job, events.append)
    assert (plain.smoothing, found.smoothing) == (0, 0.5)
    assert not np.allclose(found.tilts, plain.tilts)
    assert {sigma for _, _, sigma in latents} == {0, 0.5}
    assert len(latents) == 2 * small_series.included.size
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


@pytest.mark.usefixtures("always")
def test_smoothing_is_the_same_in_every_tiling_and_sees_no_excluded_tilt(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    spoiled = np.array(small_series.images)
    spoiled[4] = np.nan
    broken = TiltSeries.from_array(spoiled, small_series.angles)
    for series, tiling in (
        (small_series, Tiling(tilts=13, rows=None)),
        (broken, Tiling(tilts=2, rows=MIN_ROWS)),
    ):
        name = "napari_lbn.engine.synthesis.stages.choose_tiling"
        monkeypatch.setattr(name, lambda *_, tiling=tiling, **__: tiling)
        job = synthesize(series.with_excluded([4]), small_network, ANGLES, SETTINGS)
        found.append(drain(job).tilts)
    whole, pieces = found
    assert np.linalg.norm(pieces - whole) <= 1e-4 * np.linalg.norm(whole - whole.mean())


def test_only_networks_with_a_unet_of_details_tell_noise() -> None:
    for name, tells in (("base", True), ("fast", False)):
        network = open_network(name)
        assert tells_noise(network.config) is tells


def test_clean_tilts_are_taken_as_they_are_and_noisy_ones_predicted_better() -> None:
    """With the bundled weights, on some rows of the simulated sample; other tilts are hidden."""
    series, _ = sample_series()
    images = series.read(range(series.n_tilts), slice(0, 48))
    noise = np.random.default_rng(0).normal(0, 4 * images.std(), images.shape)
    network = open_network("base")
    hidden = np.arange(2, series.n_tilts, 6)

    def found(tilts: np.ndarray, *, smooth: bool) -> Synthesis:
        visible = TiltSeries.from_array(tilts.astype(np.float32), series.angles)
        settings = replace(SETTINGS, thickness=64, smooth=smooth)
        angles = series.angles[hidden]
        return drain(synthesize(visible.with_excluded(hidden), network, angles, settings))

    def agreement(synthesis: Synthesis) -> float:
        pairs = zip(synthesis.tilts, images[hidden], strict=True)
        return float(np.mean([correlation(a, b) for a, b in pairs]))

    assert found(gaussian_filter(images, (0, 1, 1)), smooth=True).smoothing == 0
    noisy = found(images + noise, smooth=True)
    assert noisy.smoothing > 0.3
    assert agreement(noisy) > agreement(found(images + noise, smooth=False)) + 0.002


@pytest.mark.usefixtures("always")
def test_a_correction_tells_and_records_it(small_series: TiltSeries, small_weights: Path) -> None:
    events: list[Event] = []
    settings = CorrectionSettings(thickness=24, weights=small_weights, device="cpu")
    result = drain(correct(small_series, settings), events.append)
    assert result.provenance["smoothed_by_pixels"] == 0.5
    told = [event.message for event in events if isinstance(event, Notice)]
    assert any("smoothed by 0.5 pixels" in message for message in told)
    off = drain(correct(small_series, replace(settings, smooth=False)))
    assert off.provenance["smoothed_by_pixels"] == 0

"""What a correction does on request: a denoised tomogram, and weights adapted first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.angular_weights import measured_weights, synthesized_weights
from napari_lbn.engine.correct import CorrectionSettings, correct, measure_intensities, plan
from napari_lbn.engine.correct.rows import measured_rows, reprojected_rows
from napari_lbn.engine.correct.sources import augmented_source
from napari_lbn.engine.correct.tomogram import reconstruct_denoised
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.events import Event, Notice, Progress, SlabReady, drain
from napari_lbn.engine.io.weights.file import load_network
from napari_lbn.engine.io.weights.info import read_weights_info
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.synthesis import Synthesis, synthesize
from napari_lbn.engine.tilt_series import TiltSeries

THICKNESS = 16
NO_TIME = 1e-9
"""Minutes: the adaptation begins, compares once and ends."""


@pytest.fixture
def settings(small_weights: Path) -> CorrectionSettings:
    return CorrectionSettings(
        thickness=THICKNESS, weights=small_weights, device="cpu", reproject_measured=False
    )


def volume(events: list[Event], part: str, shape: tuple[int, int]) -> np.ndarray:
    out = np.full((THICKNESS, *shape), np.nan, np.float32)
    for event in events:
        if isinstance(event, SlabReady) and event.part == part:
            out[:, event.y_start : event.y_stop] = event.slab
    return out


def test_denoised_is_the_back_projection_of_the_networks_tilts_alone(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    events: list[Event] = []
    result = drain(correct(small_series, replace(settings, denoised=True)), events.append)
    assert result.angles.size == small_series.n_tilts + int(result.synthesized.sum())
    stats = measure_intensities(small_series)
    network = load_network(read_weights_info(settings.weights))
    wanted = replace(settings.for_wedge(), box_everywhere=True)
    synthesis = drain(synthesize(small_series, network, result.angles, wanted, stats=stats))
    np.testing.assert_array_equal(synthesis.tilts, result.tilts)
    measured = small_series.included_angles
    weights = np.where(result.synthesized, 0.0, 1.0)
    weights[~result.synthesized] = measured_weights(measured)
    weights[result.synthesized] = synthesized_weights(measured, result.angles[result.synthesized])
    rows = reprojected_rows(synthesis, measured)(slice(None))
    mean = stats.mean[len(measured) // 2]
    middle = int(np.flatnonzero(result.angles == measured[len(measured) // 2])[0])
    assert np.corrcoef(rows[middle].ravel(), (result.tilts[middle] - mean).ravel())[0, 1] < 0.999
    expected = back_project_slab(rows, result.angles, weights, WBPSettings(thickness=THICKNESS))
    found = volume(events, "denoised", small_series.image_shape)
    np.testing.assert_allclose(found, expected, atol=1e-5 * abs(expected).max())
    plain = volume(events, "measured", small_series.image_shape)
    assert abs(np.corrcoef(found.ravel(), plain.ravel())[0, 1]) < 0.999  # no measured pixel


def test_a_network_that_repeats_the_measured_tilts_gives_the_measured_tomogram(
    small_series: TiltSeries,
) -> None:
    stats = measure_intensities(small_series)
    angles, wbp = small_series.included_angles, WBPSettings(thickness=THICKNESS)
    clipped = np.stack([stats.clipped(t, i) for i, t in enumerate(small_series.read())])
    synthesis = Synthesis(
        angles=angles, tilts=clipped, stats=stats, whole=np.ones(angles.size, dtype=bool)
    )
    events: list[Event] = []
    job = reconstruct_denoised(synthesis, angles, small_series.image_shape, wbp)
    drain(job, events.append)
    rows = measured_rows(small_series, stats)(slice(None))
    expected = back_project_slab(rows, angles, measured_weights(angles), wbp)
    found = volume(events, "denoised", small_series.image_shape)
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def test_parts_come_in_order_and_progress_rises(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    events: list[Event] = []
    wanted = replace(settings, denoised=True, adapt_minutes=NO_TIME)
    drain(correct(small_series, wanted), events.append)
    parts = [e.part for e in events if isinstance(e, SlabReady)]
    assert list(dict.fromkeys(parts)) == ["measured", "synthesized", "denoised"]
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def test_the_adaptation_is_told_and_recorded(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    events: list[Event] = []
    wanted = replace(settings, adapt_minutes=NO_TIME)
    result = drain(correct(small_series, wanted), events.append)
    told = json.loads(json.dumps(result.provenance))
    assert told["adaptation"]["used"] is False
    assert told["adaptation"]["kept_from_training"][-1] == 60.0
    assert told["options"]["adapt_minutes"] == NO_TIME
    notices = [e.message for e in events if isinstance(e, Notice)]
    assert any("as they were" in notice for notice in notices)
    plain = drain(correct(small_series, settings))
    assert plain.provenance["adaptation"] is None
    np.testing.assert_allclose(result.tilts, plain.tilts, atol=1e-3 * abs(plain.tilts).max())
    source = drain(augmented_source(small_series, wanted))
    assert source.provenance["adaptation"]["used"] is False


def test_the_plan_counts_time_and_memory(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    plain = plan(small_series, settings)
    adapted = plan(small_series, replace(settings, adapt_minutes=2))
    assert adapted.seconds - plain.seconds == pytest.approx(120, abs=1)
    assert adapted.memory_bytes > plain.memory_bytes
    denoised = plan(small_series, replace(settings, denoised=True))
    assert denoised.memory_bytes > plain.memory_bytes
    stepped = plan(small_series, replace(settings, jackknife=2))
    assert stepped.memory_bytes > plain.memory_bytes
    assert stepped.seconds > plain.seconds
    twice = plan(small_series, replace(settings, mirrored=True))
    assert twice.memory_bytes > plain.memory_bytes
    assert twice.seconds > plain.seconds
    few = small_series.with_excluded(range(7, small_series.angles.size))
    with pytest.raises(InputError, match="7 tilts are too few"):
        plan(few, replace(settings, jackknife=2))


@pytest.mark.parametrize("minutes", [-1.0, float("nan"), float("inf")])
def test_impossible_minutes_are_refused(minutes: float) -> None:
    with pytest.raises(InputError, match="minutes"):
        CorrectionSettings(thickness=10, adapt_minutes=minutes)


def test_an_angle_measured_twice_counts_as_its_two_tilts_together(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    images = np.asarray(small_series.read())
    twice = TiltSeries.from_array(
        np.concatenate([images, images[3:4]]),
        [*small_series.included_angles, small_series.included_angles[3]],
        pixel_size=small_series.pixel_size,
    )
    volumes = []
    for series in (small_series, twice):
        events: list[Event] = []
        drain(correct(series, replace(settings, denoised=True)), events.append)
        volumes.append(volume(events, "denoised", series.image_shape))
    once, again = volumes
    assert np.corrcoef(once.ravel(), again.ravel())[0, 1] > 0.99
    assert again.std() == pytest.approx(once.std(), rel=0.05)

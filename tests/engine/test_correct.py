"""The main job: what it yields, and that both tomograms add up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_lbn.engine.angular_weights import measured_weights, synthesized_weights
from napari_lbn.engine.correct import (
    CorrectionSettings,
    correct,
    measure_intensities,
    plan,
    reconstruct_measured,
)
from napari_lbn.engine.correct.rows import measured_rows, synthesized_rows
from napari_lbn.engine.errors import Cancelled, InputError, WeightsError
from napari_lbn.engine.events import Event, Notice, Progress, SlabReady, TiltReady, drain
from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.tilt_series import TiltSeries

THICKNESS = 24


@pytest.fixture
def settings(small_weights: Path) -> CorrectionSettings:
    return CorrectionSettings(thickness=THICKNESS, weights=small_weights, device="cpu")


def volume(events: Iterable[Event], part: str, shape: tuple[int, int]) -> np.ndarray:
    out = np.full((THICKNESS, *shape), np.nan, np.float32)
    for event in events:
        if isinstance(event, SlabReady) and event.part == part and not event.preview:
            out[:, event.y_start : event.y_stop] = event.slab
    assert np.isfinite(out).all()
    return out


def uneven(series: TiltSeries) -> TiltSeries:
    return series.with_excluded([2, 3, 7])


def one_sided(series: TiltSeries) -> TiltSeries:
    return series.with_excluded(range(5))


SERIES = pytest.mark.parametrize("change", [lambda s: s, uneven, one_sided])


@SERIES
@pytest.mark.parametrize("fill_gaps", [False, True])
def test_alpha_0_is_reconstruct_and_alpha_1_the_augmented_stack(
    small_series: TiltSeries, small_weights: Path, change, fill_gaps: bool
) -> None:
    series = change(small_series)
    settings = CorrectionSettings(
        thickness=THICKNESS, weights=small_weights, device="cpu", fill_gaps=fill_gaps
    )
    events: list[Event] = []
    result = drain(correct(series, settings), events.append)
    shape = series.image_shape
    measured, added = volume(events, "measured", shape), volume(events, "synthesized", shape)

    plain: list[Event] = []
    wbp = settings.for_wbp()
    stats = measure_intensities(series)
    drain(reconstruct_measured(series, stats, wbp), plain.append)
    np.testing.assert_array_equal(measured, volume(plain, "measured", shape))
    rows = measured_rows(series, stats)(slice(None))
    np.testing.assert_array_equal(
        measured, back_project_slab(rows, series.included_angles, None, WBPSettings(thickness=24))
    )

    new = result.angles[result.synthesized]
    rows = [
        measured_rows(series, stats)(slice(None)),
        synthesized_rows(result.tilts[result.synthesized], new, stats)(slice(None)),
    ]
    angles = np.concatenate([series.included_angles, new])
    weights = np.concatenate(
        [
            # with a gap filled, tilts beside it stand for one step of it and no more
            measured_weights(series.included_angles, cap_gaps=fill_gaps),
            synthesized_weights(series.included_angles, new),
        ]
    )
    order = np.argsort(angles)
    augmented = back_project_slab(np.concatenate(rows)[order], angles[order], weights[order], wbp)
    scale = abs(augmented).max()
    np.testing.assert_allclose(measured + added, augmented, atol=1e-5 * scale)


def test_events_come_in_order(small_series: TiltSeries, settings: CorrectionSettings) -> None:
    events: list[Event] = []
    chosen = CorrectionSettings(
        thickness=THICKNESS, weights=settings.weights, device="cpu", preview=True
    )
    result = drain(correct(small_series, chosen), events.append)
    slabs = [e for e in events if isinstance(e, SlabReady)]
    assert [(s.part, s.preview) for s in slabs[:2]] == [("measured", True), ("synthesized", True)]
    assert not any(s.preview for s in slabs[2:])
    tilts = [e for e in events if isinstance(e, TiltReady)]
    assert sorted(t.index for t in tilts) == [*range(result.angles.size)]
    for tilt in tilts:
        assert tilt.angle == result.angles[tilt.index]
        np.testing.assert_array_equal(tilt.image, result.tilts[tilt.index])
    assert all(t.synthesized == result.synthesized[t.index] for t in tilts)
    assert events.index(slabs[1]) < events.index(tilts[0]) < events.index(slabs[2])
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def test_the_wedge_is_that_of_the_angles(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    new = plan(small_series, settings).new_angles
    np.testing.assert_allclose(new, [-80, -70, 70, 80, 90])
    tilted = one_sided(small_series)
    np.testing.assert_allclose(
        plan(tilted, settings).new_angles, [-80, -70, -60, -50, -40, -30, -20, 70, 80, 90]
    )


def test_augmented_stack_leaves_measured_tilts_untouched(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    result = drain(correct(small_series, settings))
    angles, images = result.augmented_stack()
    stack = list(images)
    assert len(stack) == len(angles) == 18
    assert (np.diff(angles) > 0).all()
    for angle, image in zip(angles, stack, strict=True):
        at = np.flatnonzero(small_series.angles == angle)
        if at.size:
            np.testing.assert_array_equal(image, small_series.read([at[0]])[0])


def test_finer_series_are_binned_and_can_come_back(small_network: LBN, small_weights: Path) -> None:
    images = np.random.default_rng(0).normal(30, 3, (7, 61, 83)).astype(np.float32)
    series = TiltSeries.from_array(images, np.arange(-60, 61, 20.0), pixel_size=3.0)
    # an untrained box, as a random one makes whole tilts brighter
    torch.nn.init.zeros_(small_network.box.last.conv.weight)
    save_weights(small_weights, small_network, name="s", pixel_sizes=(8.0, 20.0), summary={})
    settings = CorrectionSettings(thickness=12, weights=small_weights, device="cpu")
    chosen = plan(series, settings)
    assert (chosen.binning, chosen.pixel_size, chosen.image_shape) == (3, 9.0, (20, 27))
    result = drain(correct(series, settings))
    assert result.provenance["binning"] == 3
    assert result.series.pixel_size == 9.0
    angles, images_out = result.augmented_stack(full_size=True)
    stack = list(images_out)
    assert {image.shape for image in stack} == {(61, 83)}
    np.testing.assert_array_equal(stack[list(angles).index(0.0)], images[3])
    assert stack[-1].mean() == pytest.approx(30, rel=0.05)


def test_coarser_series_and_unknown_pixel_sizes_are_refused(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    with pytest.raises(WeightsError, match="coarser"):
        plan(small_series.with_pixel_size(40), settings)
    with pytest.raises(InputError, match="pixel size is unknown"):
        plan(small_series.with_pixel_size(None), settings)
    with pytest.raises(WeightsError, match="Binning 3 gives 30 Å, coarser"):
        plan(small_series, replace(settings, binning=3))
    finer = plan(small_series.with_pixel_size(5), replace(settings, binning=1))
    assert any("trained for" in notice for notice in finer.notices)


def test_few_tilts_are_told(small_series: TiltSeries, settings: CorrectionSettings) -> None:
    (notice,) = plan(small_series, settings).notices
    assert f"{small_series.included_angles.size} tilts in use" in notice
    many = TiltSeries.from_array(
        np.zeros((15, 8, 8), np.float32), np.linspace(-60, 60, 15), pixel_size=10
    )
    assert plan(many, settings).notices == ()


def test_gaps_are_told_where_there_is_no_wedge_to_fill(settings: CorrectionSettings) -> None:
    angles = np.concatenate([np.arange(-89, 30, 2.0), np.arange(61, 90, 2.0)])
    shape = (angles.size, 8, 8)
    series = TiltSeries.from_array(np.zeros(shape, np.float32), angles, pixel_size=10)
    (notice,) = plan(series, settings).notices
    assert "no missing wedge" in notice
    assert "up to 32° wide" in notice
    assert "--fill-gaps" in notice
    filled = plan(series, replace(settings, fill_gaps=True))
    assert filled.notices == ()
    assert filled.new_angles.size == 15
    even = series.with_excluded(np.flatnonzero(angles > 29))
    assert plan(even, settings).new_angles.size > 0


def test_notices_reach_the_consumer(small_series: TiltSeries, settings: CorrectionSettings) -> None:
    finer = small_series.with_pixel_size(5)
    first = next(correct(finer, replace(settings, binning=1)))
    assert isinstance(first, Notice)


def test_a_thickness_that_no_specimen_has_is_refused(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    assert plan(small_series, replace(settings, thickness=2000)).thickness == 2000
    with pytest.raises(InputError, match="at most 2000"):
        plan(small_series, replace(settings, thickness=2001))


def test_provenance_says_what_was_done(
    small_series: TiltSeries, settings: CorrectionSettings
) -> None:
    result = drain(correct(small_series.with_excluded([6]), settings))
    told = json.loads(json.dumps(result.provenance))
    assert told["weights"]["name"] == "small"
    assert len(told["weights"]["sha256"]) == 64
    assert told["excluded_angles"] == [0.0]
    assert told["synthesized_angles"] == [-80, -70, 70, 80, 90]
    assert told["options"]["thickness"] == THICKNESS


@pytest.mark.parametrize("stop_at", [Progress, TiltReady, SlabReady])
def test_cancel_at_any_stage(
    small_series: TiltSeries, settings: CorrectionSettings, stop_at: type[Event]
) -> None:
    cancel = threading.Event()
    job = correct(small_series, settings, cancel=cancel)
    while not isinstance(next(job), stop_at):
        pass
    cancel.set()
    with pytest.raises(Cancelled):
        drain(job)


def test_cancel_while_the_tilts_are_measured(small_series: TiltSeries) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        measure_intensities(small_series, cancel)


def test_nonsense_thickness_is_refused(small_weights: Path) -> None:
    with pytest.raises(InputError, match="at least 1 pixel"):
        CorrectionSettings(thickness=0, weights=small_weights)

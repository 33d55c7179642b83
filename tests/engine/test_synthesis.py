"""Synthesis: pieces change nothing, and a hidden tilt reaches nothing."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from napari_lbn.engine.correct import measure_intensities
from napari_lbn.engine.cost.choice import choose_tiling
from napari_lbn.engine.cost.memory import peak_memory
from napari_lbn.engine.cost.tiling import MIN_ROWS, Tiling
from napari_lbn.engine.errors import Cancelled, InputError, MemoryBoundError
from napari_lbn.engine.events import Event, Progress, TiltReady, drain
from napari_lbn.engine.network import LBN
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.layers import ConvUnit
from napari_lbn.engine.synthesis import Latents, SynthesisSettings, encode, synthesize
from napari_lbn.engine.synthesis.stages import SynthesisRun
from napari_lbn.engine.tilt_series import TiltSeries

SETTINGS = SynthesisSettings(device="cpu")
ANGLES = np.array([-80.0, -60.0, 0.0, 75.0, 90.0])


def tilts_of(series: TiltSeries, network: LBN, settings: SynthesisSettings) -> np.ndarray:
    return drain(synthesize(series, network, ANGLES, settings)).tilts


def with_tiling(monkeypatch: pytest.MonkeyPatch, tiling: Tiling) -> None:
    monkeypatch.setattr("napari_lbn.engine.synthesis.stages.choose_tiling", lambda *a, **k: tiling)


@pytest.mark.parametrize("tilts", [1, 3, 8])
@pytest.mark.parametrize("rows", [None, MIN_ROWS, 16, 64])
def test_every_tiling_gives_the_same(
    small_series: TiltSeries,
    small_network: LBN,
    monkeypatch: pytest.MonkeyPatch,
    tilts: int,
    rows: int | None,
) -> None:
    with_tiling(monkeypatch, Tiling(tilts=13, rows=None))
    whole = tilts_of(small_series, small_network, SETTINGS)
    with_tiling(monkeypatch, Tiling(tilts=tilts, rows=rows))
    pieces = tilts_of(small_series, small_network, SETTINGS)
    assert np.linalg.norm(pieces - whole) <= 1e-4 * np.linalg.norm(whole - whole.mean())


def test_a_jackknife_is_the_same_in_every_tiling_and_sees_no_excluded_tilt(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tilts_of(small_series, small_network, SETTINGS)
    settings = replace(SETTINGS, jackknife=2)
    hidden = small_series.with_excluded([4])
    with_tiling(monkeypatch, Tiling(tilts=13, rows=None))
    whole, before = (tilts_of(one, small_network, settings) for one in (small_series, hidden))
    assert np.linalg.norm(whole - plain) > 1e-3 * np.linalg.norm(plain - plain.mean())
    with_tiling(monkeypatch, Tiling(tilts=2, rows=MIN_ROWS))
    pieces = tilts_of(small_series, small_network, settings)
    assert np.linalg.norm(pieces - whole) <= 1e-4 * np.linalg.norm(whole - whole.mean())
    spoiled = np.array(small_series.images)
    spoiled[4] = np.nan
    changed = TiltSeries.from_array(spoiled, small_series.angles).with_excluded([4])
    with_tiling(monkeypatch, Tiling(tilts=13, rows=None))
    np.testing.assert_array_equal(tilts_of(changed, small_network, settings), before)


@pytest.mark.parametrize("rows", [slice(None), slice(3, 21)])
def test_mirrored_tilts_are_predicted_as_a_series_of_their_own_and_the_mean_is_taken(
    small_series: TiltSeries, small_network: LBN, rows: slice
) -> None:
    height, images = small_series.image_shape[0], np.array(small_series.images)
    turned = TiltSeries.from_array(images[:, ::-1, ::-1], small_series.angles)
    start, stop, _ = rows.indices(height)
    there = replace(SETTINGS, rows=slice(height - stop, height - start))
    plain = tilts_of(small_series, small_network, replace(SETTINGS, rows=rows))
    back = tilts_of(turned, small_network, there)[:, ::-1, ::-1]
    assert np.linalg.norm(plain - back) > 1e-3 * np.linalg.norm(plain - plain.mean())
    both = tilts_of(small_series, small_network, replace(SETTINGS, rows=rows, mirrored=True))
    np.testing.assert_allclose(both, (plain + back) / 2, rtol=1e-5, atol=1e-5)


def test_mirrored_tilts_are_told_once_and_kept_apart(
    small_series: TiltSeries, small_network: LBN
) -> None:
    settings = replace(SETTINGS, mirrored=True)
    latents: Latents = {}
    drain(encode(small_series, small_network, settings, measure_intensities(small_series), latents))
    assert len(latents) == 2 * small_series.n_tilts
    events: list[Event] = []
    job = synthesize(small_series, small_network, ANGLES, settings, latents=latents)
    tilts = drain(job, events.append).tilts
    expected = tilts_of(small_series, small_network, settings)
    np.testing.assert_allclose(tilts, expected, rtol=1e-5, atol=1e-5)
    told = [event for event in events if isinstance(event, TiltReady)]
    assert [event.index for event in told] == list(range(ANGLES.size))
    for event in told:
        np.testing.assert_allclose(event.image, tilts[event.index], rtol=1e-5, atol=1e-5)
    shares = [event.fraction for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_tilings_shrink_to_a_smallest_one(small_network: LBN) -> None:
    config, size = small_network.config, (2000, 2000)
    grid = LatentGrid.of(config, size[1])
    needs: list[int] = []
    tiling: Tiling | None = Tiling(tilts=2, rows=None)
    while tiling is not None:
        needs.append(peak_memory(config, size, grid, 41, tiling))
        tiling = tiling.smaller()
    assert needs == sorted(needs, reverse=True)
    assert choose_tiling(config, size, grid, n_visible=41, bound=needs[0]).rows is None
    assert choose_tiling(config, size, grid, n_visible=41, bound=needs[-1]).rows is not None
    with pytest.raises(MemoryBoundError, match="needs at least"):
        choose_tiling(config, size, grid, n_visible=41, bound=needs[-1] - 1)


def test_an_excluded_tilt_reaches_nothing(small_series: TiltSeries, small_network: LBN) -> None:
    """Changing a hidden tilt, even to NaN, changes no pixel of any synthesized tilt."""
    hidden = small_series.with_excluded([4])
    before = tilts_of(hidden, small_network, SETTINGS)
    spoiled = np.array(small_series.images)
    spoiled[4] = np.nan
    changed = TiltSeries.from_array(spoiled, small_series.angles).with_excluded([4])
    np.testing.assert_array_equal(tilts_of(changed, small_network, SETTINGS), before)


def test_intensities_come_back_in_the_inputs_units(
    small_series: TiltSeries, small_network: LBN
) -> None:
    plain = tilts_of(small_series, small_network, SETTINGS)
    scaled = TiltSeries.from_array(np.asarray(small_series.images) * 7 + 100, small_series.angles)
    other = tilts_of(scaled, small_network, SETTINGS)
    measured = ANGLES == 0
    np.testing.assert_allclose(other[measured], plain[measured] * 7 + 100, rtol=1e-3, atol=1e-2)
    ends = small_series.read([0, -1]).mean(axis=(1, 2))
    # an untrained network's tilt is not quite of mean 0; the scale must still be that of counts
    assert plain[0].mean() == pytest.approx(ends.mean(), rel=0.5)


def test_events_name_measured_and_synthesized(small_series: TiltSeries, small_network: LBN) -> None:
    events: list = []
    drain(synthesize(small_series, small_network, ANGLES, SETTINGS), events.append)
    ready = [e for e in events if isinstance(e, TiltReady)]
    assert [e.index for e in ready] == [0, 1, 2, 3, 4]
    assert [e.synthesized for e in ready] == [True, False, False, True, True]
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert all(isinstance(e.image, np.ndarray) for e in ready)


def test_beyond_the_measured_range_the_box_alone(
    small_series: TiltSeries, small_network: LBN
) -> None:
    """Tilts within the range are as they are; those in the wedge come last and are others."""
    whole = tilts_of(small_series, small_network, SETTINGS)
    events: list = []
    boxed = replace(SETTINGS, beyond="box")
    box = drain(synthesize(small_series, small_network, ANGLES, boxed), events.append).tilts
    inside = np.abs(ANGLES) <= 60
    np.testing.assert_array_equal(box[inside], whole[inside])
    assert all(abs(b - w).max() > 0 for b, w in zip(box[~inside], whole[~inside], strict=True))
    ready = [e for e in events if isinstance(e, TiltReady)]
    assert [e.index for e in ready] == [1, 2, 0, 3, 4]
    for event in ready:
        np.testing.assert_array_equal(event.image, box[event.index])
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)


def test_the_box_alone_at_every_angle(small_series: TiltSeries, small_network: LBN) -> None:
    """Beside the others, which stay as they are: the tilts of one volume, box and angle alike."""
    boxed = replace(SETTINGS, beyond="box")
    everywhere = replace(boxed, box_everywhere=True)
    events: list = []
    job = synthesize(small_series, small_network, ANGLES, everywhere)
    made = drain(job, events.append)
    np.testing.assert_array_equal(made.tilts, tilts_of(small_series, small_network, boxed))
    assert [e.index for e in events if isinstance(e, TiltReady)] == [1, 2, 0, 3, 4]
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    inside = np.abs(ANGLES) <= 60
    np.testing.assert_array_equal(made.whole, inside)
    box = made.of_the_box(slice(4, 20))
    assert box.shape == (5, 16, 52)
    np.testing.assert_array_equal(box[~inside], made.tilts[~inside, 4:20])
    np.testing.assert_array_equal(box[inside], made.box_tilts[:, 4:20])
    assert all(
        abs(b - w).max() > 0 for b, w in zip(box[inside], made.tilts[inside, 4:20], strict=True)
    )


def test_weights_that_know_no_box_show_the_whole(
    small_series: TiltSeries, small_network: LBN
) -> None:
    plain = LBN(replace(small_network.config, box_widths=())).eval()
    plain.load_state_dict(small_network.state_dict(), strict=False)
    wanted = replace(SETTINGS, beyond="box", box_everywhere=True)
    boxed = drain(synthesize(small_series, plain, ANGLES, wanted)).of_the_box(slice(None))
    np.testing.assert_array_equal(boxed, tilts_of(small_series, small_network, SETTINGS))


@pytest.mark.parametrize("rows", [None, 8])
def test_the_box_is_the_same_in_every_tiling(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch, rows: int | None
) -> None:
    boxed = replace(SETTINGS, beyond="box")
    with_tiling(monkeypatch, Tiling(tilts=13, rows=None))
    whole = tilts_of(small_series, small_network, boxed)
    with_tiling(monkeypatch, Tiling(tilts=1, rows=rows))
    pieces = tilts_of(small_series, small_network, boxed)
    assert np.linalg.norm(pieces - whole) <= 1e-4 * np.linalg.norm(whole - whole.mean())


def test_rows_limit_the_work(small_series: TiltSeries, small_network: LBN) -> None:
    part = SynthesisSettings(device="cpu", rows=slice(8, 24))
    assert tilts_of(small_series, small_network, part).shape == (5, 16, 52)


def test_cancel_stops_before_the_next_piece(small_series: TiltSeries, small_network: LBN) -> None:
    cancel = threading.Event()
    job = synthesize(small_series, small_network, ANGLES, SETTINGS, cancel=cancel)
    next(job)
    cancel.set()
    with pytest.raises(Cancelled):
        drain(job)


@pytest.mark.parametrize("end", ["whole", "closed", "cancelled"])
def test_nothing_of_a_run_waits_for_the_garbage_collector(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Latents and volume may be gigabytes, and collecting stops a viewer's window."""
    runs: list[weakref.ref[SynthesisRun]] = []
    begin = SynthesisRun.__init__

    def noted(self: SynthesisRun, *arguments: Any, **more: Any) -> None:
        begin(self, *arguments, **more)
        runs.append(weakref.ref(self))

    monkeypatch.setattr(SynthesisRun, "__init__", noted)
    cancel = threading.Event()
    gc.disable()
    try:
        job = synthesize(small_series, small_network, ANGLES, SETTINGS, cancel=cancel)
        with contextlib.suppress(Cancelled):
            for event in job:
                if isinstance(event, TiltReady) and end == "closed":
                    job.close()
                elif isinstance(event, TiltReady) and end == "cancelled":
                    cancel.set()
        assert [run() for run in runs] == [None]
    finally:
        gc.enable()


def test_cancel_stops_the_tomography_at_its_next_band(
    small_series: TiltSeries, small_network: LBN
) -> None:
    """On a processor the updates of all rows take as long as many layers."""
    cancel, bands = threading.Event(), []

    def cancel_in_second(*_: object) -> None:
        bands.append(1)
        if len(bands) == 2:
            cancel.set()

    series = replace(small_series, images=np.tile(small_series.images, (1, 3, 1)))
    hook = small_network.tomography.band.register_forward_hook(cancel_in_second)
    try:
        with pytest.raises(Cancelled):
            drain(synthesize(series, small_network, ANGLES, SETTINGS, cancel=cancel))
    finally:
        hook.remove()
    assert len(bands) == 2


@pytest.mark.parametrize("part", ["encoder", "unet", "decoder"])
def test_cancel_stops_before_the_next_layer(
    small_series: TiltSeries, small_network: LBN, part: str
) -> None:
    cancel, run = threading.Event(), []
    layers = [m for m in getattr(small_network, part).modules() if isinstance(m, ConvUnit)]

    def cancel_in_first(*_: object) -> None:
        run.append(0)
        cancel.set()

    hooks = [layers[0].register_forward_hook(cancel_in_first)]
    hooks += [layer.register_forward_hook(lambda *_: run.append(1)) for layer in layers[1:]]
    try:
        with pytest.raises(Cancelled):
            drain(synthesize(small_series, small_network, ANGLES, SETTINGS, cancel=cancel))
    finally:
        for hook in hooks:
            hook.remove()
    assert run == [0]
    assert not any(layer._forward_pre_hooks for layer in layers)


def test_out_of_memory_is_retried_in_smaller_pieces(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tilts_of(small_series, small_network, SETTINGS)
    with_tiling(monkeypatch, Tiling(tilts=8, rows=None))
    original, sizes = small_network.encode, []

    def encode(tilts: torch.Tensor) -> torch.Tensor:
        sizes.append(len(tilts))
        if len(tilts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(tilts)

    monkeypatch.setattr(small_network, "encode", encode)
    again = tilts_of(small_series, small_network, SETTINGS)
    assert sizes[:3] == [8, 4, 2]
    np.testing.assert_allclose(again, expected, rtol=1e-4, atol=1e-3)


def test_out_of_memory_in_the_smallest_pieces_is_told(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(tilts: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(small_network, "encode", encode)
    with pytest.raises(MemoryBoundError, match="smallest pieces"):
        tilts_of(small_series, small_network, SETTINGS)


def test_other_failures_are_not_taken_for_memory(
    small_series: TiltSeries, small_network: LBN, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(tilts: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(small_network, "encode", encode)
    with pytest.raises(RuntimeError, match="mat1"):
        tilts_of(small_series, small_network, SETTINGS)


def test_one_tilt_is_not_enough(small_series: TiltSeries, small_network: LBN) -> None:
    with pytest.raises(InputError, match="at least two"):
        tilts_of(small_series.with_excluded(range(1, 13)), small_network, SETTINGS)


@pytest.mark.parametrize("size", [(128, 128), (96, 512)])
def test_the_same_network_takes_any_size(small_network: LBN, size: tuple[int, int]) -> None:
    images = np.random.default_rng(0).normal(30, 3, (5, *size)).astype(np.float32)
    series = TiltSeries.from_array(images, [-50, -25, 0, 25, 50])
    out = tilts_of(series, small_network, SETTINGS)
    assert out.shape == (5, *size)
    assert np.isfinite(out).all()

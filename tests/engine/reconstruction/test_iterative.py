"""SIRT and TV: what they converge to, what they keep, and slabs that change nothing."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import Cancelled, InputError, MemoryBoundError
from napari_lbn.engine.events import Progress, SlabReady, drain
from napari_lbn.engine.geometry import angles_to_synthesize
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.reconstruction import (
    Residual,
    SIRTSettings,
    TiltSource,
    TVSettings,
    WBPSettings,
    augment,
    back_project_slab,
    iterative,
    reconstruct_source,
    slab_operator,
)

ANGLES = np.arange(-60.0, 61.0, 6.0)
SIZE, THICKNESS, ROWS = 40, 24, 3


def source(tilts: np.ndarray, angles: np.ndarray = ANGLES, **options) -> TiltSource:
    return TiltSource(
        read_rows=lambda rows: tilts[:, rows], angles=angles, shape_yx=tilts.shape[1:], **options
    )


def run(tilts_source: TiltSource, settings, **options):
    """Tomogram, residual curve and events."""
    events = []
    curve = drain(reconstruct_source(tilts_source, settings, **options), events.append)
    slabs = [event.slab for event in events if isinstance(event, SlabReady)]
    return np.concatenate(slabs, axis=1), curve, events


def project(volume: np.ndarray, angles: np.ndarray = ANGLES, n_detector: int = SIZE) -> np.ndarray:
    """Tilts of a volume ``(z, y, x)`` in free space."""
    geometry = ProjectionGeometry(
        angles=tuple(angles),
        nx=volume.shape[2],
        nz=volume.shape[0],
        n_detector=n_detector,
        footprint="distance",
    )
    columns = torch.from_numpy(np.ascontiguousarray(volume.transpose(0, 2, 1)))
    return Projector(geometry)(columns.float()).transpose(1, 2).numpy()


@pytest.fixture(scope="module")
def phantom() -> tuple[np.ndarray, np.ndarray]:
    """A box and a disc in empty space, and its tilts."""
    volume = np.zeros((THICKNESS, ROWS, SIZE), np.float32)
    z, x = np.mgrid[:THICKNESS, :SIZE]
    volume[8:16, :, 14:18] = 1.0
    volume[:, :] += (np.hypot(z - 12, x - 26) < 5)[:, None] * 0.5
    return volume, project(volume)


def error(tomogram: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(((tomogram - truth) ** 2).mean()))


def test_the_residual_curve_falls_to_nothing_for_consistent_tilts(phantom):
    _, tilts = phantom
    options = SIRTSettings(thickness=THICKNESS, iterations=60, beyond="nothing")
    _, curve, events = run(source(tilts), options)
    assert curve[0] == pytest.approx(1)
    assert (np.diff(curve) < 0).all()
    assert curve[-1] < 0.05
    told = [event.value for event in events if isinstance(event, Residual)]
    np.testing.assert_allclose(told, curve, rtol=1e-5)


def test_the_first_step_is_normalised_back_projection(phantom):
    """Mass appears where it is: a step from zero has the mean density of every ray."""
    slab = np.ones((THICKNESS, 1, SIZE), np.float32)
    tomogram, *_ = run(
        source(project(slab)), SIRTSettings(thickness=THICKNESS, iterations=1, beyond="nothing")
    )
    np.testing.assert_allclose(tomogram, 1, atol=1e-5)


def test_non_negativity_is_kept_and_helps(phantom):
    truth, tilts = phantom
    free = SIRTSettings(thickness=THICKNESS, iterations=40, beyond="nothing")
    bound = SIRTSettings(thickness=THICKNESS, iterations=40, beyond="nothing", non_negative=True)
    without, *_ = run(source(tilts), free)
    kept, *_ = run(source(tilts), bound)
    assert without.min() < -0.01
    assert kept.min() == 0
    assert error(kept, truth) < 0.9 * error(without, truth)


def test_total_variation_beats_sirt_on_a_noisy_phantom_of_flat_parts(phantom):
    truth, tilts = phantom
    noisy = tilts + np.random.default_rng(0).normal(0, 0.5, tilts.shape).astype(np.float32)
    sirt = SIRTSettings(thickness=THICKNESS, iterations=30, beyond="nothing")
    tv = TVSettings(thickness=THICKNESS, iterations=150, strength=0.05, beyond="nothing")
    wbp = back_project_slab(noisy, ANGLES, None, WBPSettings(thickness=THICKNESS))
    errors = [error(run(source(noisy), settings)[0], truth) for settings in (sirt, tv)]
    assert errors[1] < 0.7 * errors[0]
    assert errors[0] < error(wbp, truth)


def objective(volume: np.ndarray, tilts: np.ndarray, penalty: float) -> float:
    slopes = np.zeros((3, *volume.shape))
    for axis in range(3):
        inner = [slice(None)] * 3
        inner[axis] = slice(0, -1)
        slopes[axis][tuple(inner)] = np.diff(volume, axis=axis)
    return (
        0.5 * ((project(volume) - tilts) ** 2).sum() + penalty * np.sqrt((slopes**2).sum(0)).sum()
    )


def test_the_primal_dual_scheme_minimizes_its_objective(phantom):
    """No small change of the result, in any direction tried, makes the objective smaller."""
    _, tilts = phantom
    rng = np.random.default_rng(1)
    noisy = tilts + rng.normal(0, 0.3, tilts.shape).astype(np.float32)
    settings = TVSettings(thickness=THICKNESS, iterations=800, strength=0.1, beyond="nothing")
    volume, *_ = run(source(noisy), settings)
    penalty = 0.1 * len(ANGLES) ** 0.5 * float(noisy.std())
    least = objective(volume, noisy, penalty)
    smooth = (volume + np.roll(volume, 1, 0) + np.roll(volume, 1, 2)) / 3
    for other in (0.95 * volume, 1.05 * volume, 0.9 * volume + 0.1 * smooth):
        assert objective(other.astype(np.float32), noisy, penalty) > least
    for _ in range(5):
        moved = volume + rng.normal(0, 0.01, volume.shape).astype(np.float32)
        assert objective(moved, noisy, penalty) > least


def test_a_specimen_wider_than_the_field_does_not_pile_up_at_its_edges():
    wide = np.random.default_rng(0).normal(1.0, 0.2, (THICKNESS, 1, 5 * SIZE)).astype(np.float32)
    tilts = project(wide, n_detector=SIZE)
    specimen, *_ = run(source(tilts), SIRTSettings(thickness=THICKNESS, iterations=30))
    alone, *_ = run(
        source(tilts), SIRTSettings(thickness=THICKNESS, iterations=30, beyond="nothing")
    )
    truth = wide[..., 2 * SIZE : 3 * SIZE]
    assert error(specimen, truth) < 0.5 * error(alone, truth)
    assert abs(specimen[..., :3].mean() - 1) < 0.1


@pytest.mark.parametrize(
    "settings",
    [
        SIRTSettings(thickness=THICKNESS, iterations=6, beyond="nothing"),
        TVSettings(thickness=THICKNESS, iterations=6, halo=12, beyond="nothing"),
    ],
    ids=["sirt", "tv"],
)
def test_slabs_make_up_the_tomogram(monkeypatch, settings):
    """Six iterations carry nothing further than six rows: a halo of twelve suffices."""
    tilts = np.random.default_rng(0).normal(size=(len(ANGLES), 9, SIZE)).astype(np.float32)
    whole, curve, _ = run(source(tilts), settings)
    monkeypatch.setattr(iterative, "plan_rows", lambda *_: 4)
    slabs, curve_of_slabs, events = run(source(tilts), settings, fractions=(0.5, 1.0))
    np.testing.assert_allclose(slabs, whole, atol=1e-5)
    if isinstance(settings, SIRTSettings):
        np.testing.assert_allclose(curve_of_slabs, curve, rtol=1e-5)
    steps = [event.fraction for event in events if isinstance(event, Progress)]
    assert steps == sorted(steps)
    assert steps[-1] == 1


@pytest.mark.parametrize(
    "settings",
    [
        WBPSettings(thickness=8),
        SIRTSettings(thickness=8, iterations=3),
        TVSettings(thickness=8, iterations=3),
    ],
    ids=["wbp", "sirt", "tv"],
)
def test_some_rows_are_those_of_the_whole(settings):
    tilts = np.random.default_rng(0).normal(size=(len(ANGLES), 9, 20)).astype(np.float32)
    whole, *_ = run(source(tilts), settings)
    part, _, events = run(source(tilts, rows=(2, 6)), settings)
    np.testing.assert_allclose(part, whole[:, 2:6], atol=1e-6)
    (slab,) = [event for event in events if isinstance(event, SlabReady)]
    assert (slab.y_start, slab.y_stop) == (2, 6)


def test_blocks_of_z_change_nothing(monkeypatch, phantom):
    _, tilts = phantom
    settings = SIRTSettings(thickness=THICKNESS, iterations=4)
    whole, *_ = run(source(tilts), settings)
    monkeypatch.setattr(slab_operator, "needs_matrix", lambda device: True)
    monkeypatch.setattr(iterative, "MATRIX_SHARE", 0.0)
    blocks, *_ = run(source(tilts), settings)
    np.testing.assert_allclose(blocks, whole, atol=1e-5)


def test_cancel_stops_between_iterations(phantom):
    cancel = threading.Event()
    job = reconstruct_source(source(phantom[1]), SIRTSettings(thickness=8), cancel=cancel)
    assert isinstance(next(job), Residual)
    cancel.set()
    with pytest.raises(Cancelled):
        drain(job)


def test_what_cannot_fit_is_refused_before_anything_is_read():
    def read(rows: slice) -> np.ndarray:
        raise AssertionError("read")

    tilts = TiltSource(read_rows=read, angles=ANGLES, shape_yx=(4096, 4096))
    settings = SIRTSettings(thickness=3000, memory_bound=200 << 20)
    with pytest.raises(MemoryBoundError, match="MiB"):
        next(reconstruct_source(tilts, settings))


@pytest.mark.parametrize("method", ["wbp", "sirt", "tv"])
def test_synthesized_tilts_feed_every_method(phantom, method):
    """With the wedge filled by the truth, every method comes closer to it."""
    truth, tilts = phantom
    settings = {
        "wbp": WBPSettings(thickness=THICKNESS),
        "sirt": SIRTSettings(thickness=THICKNESS, iterations=60, beyond="nothing"),
        "tv": TVSettings(thickness=THICKNESS, strength=0.01, beyond="nothing"),
    }[method]
    new = angles_to_synthesize(ANGLES)
    added = source(project(truth, new), new)
    alone, *_ = run(source(tilts), settings)
    both, *_ = run(augment(source(tilts), added), settings)
    nothing, *_ = run(augment(source(tilts), added, alpha=0.0), settings)
    assert error(both, truth) < 0.8 * error(alone, truth)
    np.testing.assert_allclose(nothing, alone, atol=2e-2)


def test_what_a_network_gets_wrong_at_steep_tilts_of_a_slab_draws_no_bands():
    """Errors that grow as the rays' length within a slab does."""
    rng = np.random.default_rng(0)
    wide = rng.normal(0.0, 1.0, (THICKNESS, 1, 5 * SIZE)).astype(np.float32)
    new = angles_to_synthesize(ANGLES)
    tilts, wrong = project(wide), project(wide, new)
    slow = np.sin(np.arange(SIZE) / 5 + rng.uniform(0, 6, (len(new), 1, 1)))
    length = 1 / np.cos(np.deg2rad(new)).clip(0.1)[:, None, None]
    wrong += (0.3 * tilts.std() * length * slow).astype(np.float32)
    both = augment(source(tilts), source(wrong, new))
    settings = TVSettings(thickness=THICKNESS, iterations=60, strength=0.01)
    weighted, *_ = run(both, settings)
    alike, *_ = run(dataclasses.replace(both, synthesized=None), settings)
    truth = wide[..., 2 * SIZE : 3 * SIZE]

    def bands(tomogram: np.ndarray) -> float:
        return float((tomogram - truth).mean(axis=(1, 2)).std())

    assert bands(weighted) < 0.8 * bands(alike)
    assert error(weighted, truth) < error(alike, truth)


def test_augmenting_refuses_what_does_not_belong_together(phantom):
    _, tilts = phantom
    with pytest.raises(InputError, match="angle"):
        augment(source(tilts), source(tilts))
    with pytest.raises(InputError):
        augment(source(tilts), source(tilts[:, :2], ANGLES + 1))
    with pytest.raises(InputError):
        augment(source(tilts), source(tilts, ANGLES + 1), alpha=2.0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SIRTSettings, {"thickness": 0}),
        (SIRTSettings, {"thickness": 4, "iterations": 0}),
        (SIRTSettings, {"thickness": 4, "relaxation": 2.0}),
        (TVSettings, {"thickness": 4, "strength": -1.0}),
        (TVSettings, {"thickness": 4, "strength": np.nan}),
        (TVSettings, {"thickness": 4, "beyond": "ice"}),
    ],
)
def test_impossible_settings_are_refused(kind, options):
    with pytest.raises(InputError):
        kind(**options)

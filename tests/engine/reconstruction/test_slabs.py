"""Slabs of y and blocks of z: nothing changes but the memory that is used."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.errors import Cancelled, InputError, MemoryBoundError
from napari_lbn.engine.events import Progress, SlabReady
from napari_lbn.engine.reconstruction import (
    WBPSettings,
    back_project_slab,
    plan,
    plan_slabs,
    reconstruct,
)

ANGLES = np.arange(-60.0, 61.0, 12.0)
SHAPE = (37, 40)
TILTS = np.random.default_rng(0).normal(size=(len(ANGLES), *SHAPE)).astype(np.float32)
MIB = 1 << 20


def run(settings: WBPSettings, **options: object):
    job = reconstruct(lambda rows: TILTS[:, rows], ANGLES, None, SHAPE, settings, **options)
    return list(job)


def assembled(events) -> np.ndarray:
    return np.concatenate([e.slab for e in events if isinstance(e, SlabReady)], axis=1)


@pytest.fixture(autouse=True)
def with_matrix(monkeypatch):
    """Plans as where there is no Numba, whether it is installed or not."""
    monkeypatch.setattr(plan, "needs_matrix", lambda device: True)


@pytest.fixture
def tight(monkeypatch):
    """A bound under which neither all rows nor the whole matrix fit."""
    monkeypatch.setattr(plan, "RESERVE", 0)
    return WBPSettings(thickness=30, memory_bound=400_000)


def test_slabs_and_blocks_make_up_the_tomogram(tight):
    cut = plan_slabs(len(ANGLES), SHAPE, tight)
    assert 1 <= cut.rows < SHAPE[0]
    assert 1 <= cut.z_rows < 30
    at_once = back_project_slab(TILTS, ANGLES, None, WBPSettings(thickness=30))
    for volume in (assembled(run(tight)), back_project_slab(TILTS, ANGLES, None, tight)):
        np.testing.assert_allclose(volume, at_once, atol=1e-6 * np.ptp(at_once))


def test_slabs_of_several_pieces_of_columns(monkeypatch):
    monkeypatch.setattr("napari_lbn.engine.reconstruction.plan.COLUMNS", 8)
    monkeypatch.setattr("napari_lbn.engine.reconstruction.slab.FILTER_PIXELS", 5000)
    volume = assembled(run(WBPSettings(thickness=30)))
    monkeypatch.undo()
    at_once = assembled(run(WBPSettings(thickness=30)))
    np.testing.assert_allclose(volume, at_once, atol=1e-6 * np.ptp(at_once))


def test_slabs_tile_y_in_order_and_progress_never_falls(tight):
    events = run(tight, fractions=(0.25, 0.75))
    slabs = [event for event in events if isinstance(event, SlabReady)]
    assert [slab.y_start for slab in slabs] == [0, *(slab.y_stop for slab in slabs[:-1])]
    assert slabs[-1].y_stop == SHAPE[0]
    assert all(slab.slab.shape == (30, slab.y_stop - slab.y_start, 40) for slab in slabs)
    steps = [event for event in events if isinstance(event, Progress)]
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0.25
    assert fractions[-1] == 0.75
    assert steps[-1].done == steps[-1].total


def test_only_the_rows_of_the_slab_are_read(tight):
    read = []

    def rows_of(rows: slice) -> np.ndarray:
        read.append((rows.start, rows.stop))
        return TILTS[:, rows]

    events = list(reconstruct(rows_of, ANGLES, None, SHAPE, tight))
    slabs = [(e.y_start, e.y_stop) for e in events if isinstance(e, SlabReady)]
    assert read == slabs


def test_cancel_between_blocks_stops_before_the_slab_is_ready(tight):
    cancel = threading.Event()
    job = reconstruct(lambda rows: TILTS[:, rows], ANGLES, None, SHAPE, tight, cancel=cancel)
    assert isinstance(next(job), Progress)
    cancel.set()
    with pytest.raises(Cancelled):
        next(job)
    with pytest.raises(StopIteration):
        next(job)


def test_cancelled_before_it_starts_reads_nothing(tight):
    cancel = threading.Event()
    cancel.set()

    def rows_of(rows: slice) -> np.ndarray:
        raise AssertionError("read after cancel")

    with pytest.raises(Cancelled):
        next(reconstruct(rows_of, ANGLES, None, SHAPE, tight, cancel=cancel))


@settings(max_examples=200)
@given(
    n_tilts=st.integers(1, 200),
    ny=st.integers(1, 8192),
    nx=st.integers(1, 8192),
    thickness=st.integers(1, 4000),
    bound=st.integers(100 * MIB, 64 << 30),
)
def test_plans_stay_within_the_bound(n_tilts, ny, nx, thickness, bound):
    options = WBPSettings(thickness=thickness, memory_bound=bound)
    with contextlib.suppress(MemoryBoundError):
        cut = plan_slabs(n_tilts, (ny, nx), options)
        assert cut.memory_bytes <= bound
        assert 1 <= cut.rows <= ny
        assert 1 <= cut.z_rows <= thickness


@given(n_tilts=st.integers(1, 100), nx=st.integers(1, 4096), thickness=st.integers(1, 2000))
def test_nothing_that_fits_is_refused(n_tilts, nx, thickness):
    """Just where refusals end, one row of y and one of z fill the whole bound."""
    refused, accepted = 1, 1 << 50
    while accepted - refused > 1:
        bound = (refused + accepted) // 2
        try:
            cut = plan_slabs(n_tilts, (9, nx), WBPSettings(thickness=thickness, memory_bound=bound))
        except MemoryBoundError:
            refused = bound
        else:
            accepted, smallest = bound, cut
    assert (smallest.rows, smallest.z_rows) == (1, 1)
    assert smallest.memory_bytes == accepted


def test_without_a_matrix_full_size_needs_little_memory(monkeypatch):
    monkeypatch.setattr(plan, "needs_matrix", lambda device: False)
    cut = plan_slabs(41, (4096, 4096), WBPSettings(thickness=1200, memory_bound=4 << 30))
    assert cut.rows >= 32
    assert cut.memory_bytes <= 4 << 30
    with pytest.raises(MemoryBoundError):
        plan_slabs(41, (4096, 4096), WBPSettings(thickness=1200, memory_bound=100 << 20))


def test_full_size_data_fit_into_a_laptop():
    settings = WBPSettings(thickness=1200, memory_bound=4 << 30)
    cut = plan_slabs(41, (4096, 4096), settings)
    assert cut.rows >= 32
    assert cut.memory_bytes <= 4 << 30


def test_a_gigantic_thickness_is_refused_before_anything_is_read():
    options = WBPSettings(thickness=10**8, memory_bound=1 << 30)
    with pytest.raises(MemoryBoundError, match="thick"):
        next(reconstruct(lambda rows: TILTS, ANGLES, None, SHAPE, options))


def test_rows_of_another_shape_are_refused():
    with pytest.raises(InputError, match="shape"):
        list(reconstruct(lambda rows: TILTS[1:], ANGLES, None, SHAPE, WBPSettings(thickness=4)))


PEAK = """
import resource, sys
import numpy as np
from napari_lbn.engine.projection import Projector
from napari_lbn.engine.reconstruction import WBPSettings, back_project_slab, reconstruct
angles = np.linspace(-60, 60, 21)
ready = np.zeros((21, 2, 700), np.float32)
back_project_slab(ready, angles, None, WBPSettings(thickness=8))  # load the libraries
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
settings = WBPSettings(thickness=500, memory_bound=int(sys.argv[1]))
read = lambda rows: np.zeros((21, rows.stop - rows.start, 700), np.float32)
for event in reconstruct(read, angles, None, (150, 700), settings):
    pass
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("bound", [160 * MIB, 400 * MIB])
def test_the_memory_bound_is_respected_in_fact(bound):
    command = [sys.executable, "-c", PEAK, str(bound)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < bound

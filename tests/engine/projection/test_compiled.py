"""The compiled loops hold to the plain backend; without Numba the same loops run in Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.projection import ProjectionGeometry
from napari_lbn.engine.projection.compiled import CompiledBackend
from napari_lbn.engine.projection.plain import PlainBackend

CPU = torch.device("cpu")


def both(geometry: ProjectionGeometry, dtype: torch.dtype):
    return [backend(geometry, CPU, dtype) for backend in (CompiledBackend, PlainBackend)]


@settings(max_examples=15)
@given(
    angles=st.lists(st.floats(-180, 180), min_size=1, max_size=3),
    nx=st.integers(1, 6),
    nz=st.integers(1, 4),
    size=st.integers(1, 8),
    footprint=st.sampled_from(["linear", "distance"]),
    shift=st.floats(-4, 4),
)
def test_products_are_those_of_the_plain_backend(angles, nx, nz, size, footprint, shift):
    geometry = ProjectionGeometry(
        angles=tuple(angles),
        nx=nx,
        nz=nz,
        n_detector=size,
        detector_centre=(size - 1) / 2 + shift,
        footprint=footprint,
    )
    compiled, plain = both(geometry, torch.float64)
    rng = np.random.default_rng(0)
    tilts = torch.from_numpy(rng.normal(size=(len(angles) * size, 2)))
    volume = torch.from_numpy(rng.normal(size=(nz * nx, 2)))
    torch.testing.assert_close(compiled.back_project(tilts), plain.back_project(tilts))
    torch.testing.assert_close(compiled.project(volume), plain.project(volume))


def test_threads_share_the_work_without_losing_any(monkeypatch):
    monkeypatch.setattr("napari_lbn.engine.projection.compiled.PARALLEL_WORK", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    geometry = ProjectionGeometry(angles=tuple(np.linspace(-60, 60, 5)), nx=9, nz=5)
    compiled, plain = both(geometry, torch.float32)
    tilts, volume = torch.rand(45, 3), torch.rand(45, 3)
    torch.testing.assert_close(compiled.back_project(tilts), plain.back_project(tilts))
    torch.testing.assert_close(compiled.project(volume), plain.project(volume))


@pytest.mark.parametrize("columns", [0, 1, 193, 600])
def test_columns_beyond_a_block(columns):
    geometry = ProjectionGeometry(angles=(-30.0, 20.0), nx=4, nz=3)
    compiled, plain = both(geometry, torch.float32)
    tilts, volume = torch.rand(8, columns), torch.rand(12, columns)
    torch.testing.assert_close(compiled.back_project(tilts), plain.back_project(tilts))
    torch.testing.assert_close(compiled.project(volume), plain.project(volume))

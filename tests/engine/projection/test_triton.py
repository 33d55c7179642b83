"""The GPU kernels' arithmetic, run by Triton's interpreter on the CPU: no GPU is needed.

On a GPU they are held to the tests of every backend, in ``test_operator.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from napari_lbn.engine.projection.triton_backend import MOST_COLUMNS, tile, triton_works

SCRIPT = """
import itertools, torch
from napari_lbn.engine.projection import ProjectionGeometry
from napari_lbn.engine.projection.plain import PlainBackend
from napari_lbn.engine.projection.triton_backend import TritonBackend

cpu = torch.device("cpu")
angles = {angles}
for footprint, columns in itertools.product(("linear", "distance"), (1, 65)):
    geometry = ProjectionGeometry(
        angles=angles, nx=7, nz=5, n_detector=6, volume_centre=(1.2, 3.7),
        detector_centre=2.9, footprint=footprint,
    )
    kernels, plain = (kind(geometry, cpu, torch.float32) for kind in (TritonBackend, PlainBackend))
    generator = torch.Generator().manual_seed(columns)
    tilts = torch.randn(len(angles) * 6, columns, generator=generator)
    volume = torch.randn(5 * 7, columns, generator=generator)
    for name, array in (("back_project", tilts), ("project", volume)):
        torch.testing.assert_close(
            getattr(kernels, name)(array), getattr(plain, name)(array), rtol=1e-5, atol=1e-5
        )

# Far from the rotation axis fixed point keeps what float32 would lose.
for angle in (-59.3, 77.0):
    geometry = ProjectionGeometry(
        angles=(angle,), nx=3, nz=3, n_detector=4, volume_centre=(0.0, -8000.0),
        detector_centre=float(-8001 * torch.cos(torch.tensor(angle).double().deg2rad())) + 1.3,
    )
    kernels, plain = (kind(geometry, cpu, torch.float32) for kind in (TritonBackend, PlainBackend))
    tilts, volume = torch.randn(4, 2), torch.randn(9, 2)
    assert plain.project(volume).abs().max() > 0.1
    torch.testing.assert_close(kernels.back_project(tilts), plain.back_project(tilts))
    torch.testing.assert_close(kernels.project(volume), plain.project(volume))
print("agree")
"""


def test_the_kernels_agree_with_the_plain_backend():
    """Every quadrant, rays along x and z, columns beyond a block, voxels beyond the detector."""
    pytest.importorskip("triton")
    angles = (-135.0, -71.3, -45.0, 0.0, 12.0, 90.0, 133.0)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(angles=angles)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "agree", done.stderr


@pytest.mark.parametrize("columns", [1, 2, 3, 63, 64, 65, 4096])
def test_tiles_are_powers_of_two_that_cover_the_columns(columns):
    across, rows = tile(columns)
    assert across & (across - 1) == 0
    assert rows & (rows - 1) == 0
    assert across >= min(columns, MOST_COLUMNS)
    assert across * rows <= 2048


def test_the_processor_does_without_it():
    assert not triton_works(torch.device("cpu"))

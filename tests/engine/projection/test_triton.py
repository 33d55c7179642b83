"""The GPU kernels' arithmetic, run by Triton's interpreter on the CPU: no GPU is needed.

That they compile for a GPU is checked without one too. On a GPU they are held to the tests
of every backend, in ``test_operator.py``.
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

COMPILE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from napari_lbn.engine.projection import triton_kernels

INTEGERS = ("n_tilts", "nx", "nz", "size", "n_columns")
for kernel in (triton_kernels.back_project_kernel, triton_kernels.project_kernel):
    for rows, columns in ((256, 1), (32, 64)):
        names = kernel.arg_names
        constants = dict(zip(names[-2:], (rows, columns)))
        kinds = {name: "i32" if name in INTEGERS else "*fp32" for name in names[:-2]}
        signature = kinds | {"rays": "*i64"} | dict.fromkeys(constants, "constexpr")
        at = {(names.index(name),): value for name, value in constants.items()}
        source = ASTSource(fn=kernel, signature=signature, constexprs=at)
        for card in (80, 90):
            made = compile(source, target=GPUTarget("cuda", card, 32))
            assert "ld.global" in made.asm["ptx"] and made.asm["cubin"]
print("compiled")
"""


def run_script(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: Triton decides at import how it runs."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_kernels_agree_with_the_plain_backend():
    """Every quadrant, rays along x and z, columns beyond a block, voxels beyond the detector."""
    pytest.importorskip("triton")
    angles = (-135.0, -71.3, -45.0, 0.0, 12.0, 90.0, 133.0)
    done = run_script(SCRIPT.format(angles=angles), TRITON_INTERPRET="1")
    assert done.stdout.strip() == "agree", done.stderr


def test_the_kernels_compile_for_cards_that_are_not_here(tmp_path):
    """To machine code of two generations of cards, at both shapes of a tile."""
    pytest.importorskip("triton")
    done = run_script(COMPILE, TRITON_CACHE_DIR=str(tmp_path))
    assert done.stdout.strip() == "compiled", done.stderr


@pytest.mark.parametrize("columns", [1, 2, 3, 63, 64, 65, 4096])
def test_tiles_are_powers_of_two_that_cover_the_columns(columns):
    across, rows = tile(columns)
    assert across & (across - 1) == 0
    assert rows & (rows - 1) == 0
    assert across >= min(columns, MOST_COLUMNS)
    assert across * rows <= 2048


def test_the_processor_does_without_it():
    assert not triton_works(torch.device("cpu"))

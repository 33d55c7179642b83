"""The operator's algebra: adjoints, backends that agree, derivatives, blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import DeviceError, InputError
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.projection.backends import available_backends, choose_backend
from napari_lbn.engine.projection.triton_backend import triton_works

CPU = torch.device("cpu")
BACKENDS = available_backends(CPU, torch.float32)
HAS_CUDA = torch.cuda.is_available()
ON_CUDA = pytest.mark.skipif(not HAS_CUDA, reason="no CUDA GPU")
TARGETS = [
    *(pytest.param(("cpu", name), id=name) for name in BACKENDS),
    *(
        pytest.param(("cuda", name), id=f"{name}-cuda", marks=ON_CUDA)
        for name in ("triton", "torch-sparse", "plain")
    ),
]
"""Devices and backends that are held to the same tests."""
FOOTPRINTS = ["linear", "distance"]
PRECISION = {torch.float32: 1e-6, torch.float64: 1e-14}

ODD_ONE_OUT = ProjectionGeometry(
    angles=(-71.3, -45, -0.5, 0, 12, 60, 90, 133),
    nx=23,
    nz=14,
    n_detector=19,
    volume_centre=(5.2, 12.7),
    detector_centre=8.4,
)
"""Nothing about it is symmetric, and voxels land beyond both ends of the detector."""


def geometry_with(footprint: str, **changes: object) -> ProjectionGeometry:
    return ProjectionGeometry(**(vars(ODD_ONE_OUT) | {"footprint": footprint} | changes))


def random(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def on_target(
    target: tuple[str, str], geometry: ProjectionGeometry, dtype: torch.dtype = torch.float32
) -> Projector:
    """An operator on this device; skips what does not compute in this precision."""
    device, backend = target
    if backend not in available_backends(torch.device(device), dtype):
        pytest.skip(f"{backend} does not run on {device} in {dtype}")
    return Projector(geometry, device=device, dtype=dtype, backend=backend)


def adjoint_error(projector: Projector, columns: tuple[int, ...] = (3, 2)) -> float:
    """``|<A v, p> - <v, A.T p>| / <A v, p>`` on positive data."""
    volume = random((*projector.domain_shape, *columns), projector.dtype).abs()
    tilts = random((*projector.range_shape, *columns), projector.dtype, seed=1).abs()
    volume, tilts = volume.to(projector.device), tilts.to(projector.device)
    one = (projector(volume).double() * tilts).sum()
    other = (volume * projector.T(tilts).double()).sum()
    return float((one - other).abs() / one)


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("target", TARGETS)
def test_back_projection_is_the_adjoint_of_projection(target, footprint, dtype):
    projector = on_target(target, geometry_with(footprint), dtype)
    assert adjoint_error(projector) < PRECISION[dtype]


@given(
    angles=st.lists(st.floats(-180, 180), min_size=1, max_size=6),
    nx=st.integers(1, 12),
    nz=st.integers(1, 12),
    n_detector=st.integers(1, 15),
    shift=st.floats(-5, 5),
    footprint=st.sampled_from(FOOTPRINTS),
)
def test_adjoint_for_every_geometry(angles, nx, nz, n_detector, shift, footprint):
    geometry = ProjectionGeometry(
        angles=tuple(angles),
        nx=nx,
        nz=nz,
        n_detector=n_detector,
        volume_centre=(shift, -shift),
        footprint=footprint,
    )
    projector = Projector(geometry, dtype=torch.float64)
    volume, tilts = (
        random((*s, 2), torch.float64) for s in (projector.domain_shape, projector.range_shape)
    )
    left, right = (projector(volume) * tilts).sum(), (volume * projector.T(tilts)).sum()
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
def test_the_adjoint_of_the_adjoint_is_the_operator(target):
    projector = on_target(target, ODD_ONE_OUT)
    adjoint = projector.T
    assert adjoint.T is projector
    assert adjoint.domain_shape == projector.range_shape == (8, 19)
    assert adjoint.range_shape == projector.domain_shape == (14, 23)
    tilts = random((8, 19, 4), torch.float32).to(projector.device)
    torch.testing.assert_close(adjoint.T.T(tilts), projector.T(tilts), rtol=0, atol=0)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("target", [t for t in TARGETS if t.values[0] != ("cpu", "plain")])
def test_fast_backends_agree_with_plain(target, footprint, dtype, threads, monkeypatch):
    # Splitting over threads must not change the result, however small the work.
    monkeypatch.setattr("napari_lbn.engine.projection.sparse.PARALLEL_WORK", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    geometry = geometry_with(footprint)
    plain = Projector(geometry, dtype=dtype, backend="plain")
    fast = on_target(target, geometry, dtype)
    volume, tilts = random((14, 23, 5, 2), dtype), random((8, 19, 5, 2), dtype)
    tolerance = {"rtol": PRECISION[dtype], "atol": 10 * PRECISION[dtype]}
    for operator, reference, array in ((fast, plain, volume), (fast.T, plain.T, tilts)):
        result = operator(array.to(fast.device)).cpu()
        torch.testing.assert_close(result, reference(array), **tolerance)


def test_plain_works_in_parts_of_any_size(monkeypatch):
    projector = Projector(ODD_ONE_OUT, backend="plain", dtype=torch.float64)
    volume, tilts = random((14, 23, 3), torch.float64), random((8, 19, 3), torch.float64)
    whole = projector(volume), projector.T(tilts)
    monkeypatch.setattr("napari_lbn.engine.projection.plain.PART_ELEMENTS", 3 * 14 * 23 * 3)
    torch.testing.assert_close((projector(volume), projector.T(tilts)), whole)


@pytest.mark.parametrize("columns", [(), (1,), (0,), (2, 3, 4)])
@pytest.mark.parametrize("target", TARGETS)
def test_any_number_of_columns(target, columns):
    projector = on_target(target, ODD_ONE_OUT)
    tilts = projector(random((14, 23, *columns), torch.float32).to(projector.device))
    assert tilts.shape == (8, 19, *columns)
    assert projector.T(tilts).shape == (14, 23, *columns)


@pytest.mark.parametrize("target", TARGETS)
def test_columns_do_not_mix_and_need_not_be_contiguous(target):
    projector = on_target(target, ODD_ONE_OUT)
    volume = random((5, 14, 23), torch.float32).to(projector.device).permute(1, 2, 0)
    together = projector(volume)
    for i in range(5):
        torch.testing.assert_close(together[..., i], projector(volume[..., i]))


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("target", TARGETS)
def test_derivatives(target, footprint):
    geometry = geometry_with(footprint, nx=5, nz=4, n_detector=6, angles=(-50.0, 3.0, 77.0))
    projector = on_target(target, geometry, torch.float64)
    for operator in (projector, projector.T):
        array = random((*operator.domain_shape, 2), torch.float64).to(projector.device)
        array.requires_grad_()
        assert torch.autograd.gradcheck(operator, array)
        # Twice, as a gradient penalty needs it: through a function that is not linear.
        assert torch.autograd.gradgradcheck(lambda a, op=operator: op(a).pow(2), array)


def test_input_is_left_alone_and_results_own_their_memory():
    projector = Projector(ODD_ONE_OUT)
    volume = random((14, 23, 2), torch.float32)
    before = volume.clone()
    projector(volume).zero_()
    assert torch.equal(volume, before)


def test_the_operator_computes_in_its_own_precision_under_autocast():
    projector = Projector(ODD_ONE_OUT)
    volume = random((14, 23, 2), torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tilts = projector(volume.bfloat16())
    assert tilts.dtype == torch.float32
    torch.testing.assert_close(tilts, projector(volume.bfloat16().float()))


def test_half_precision_runs_on_the_plain_backend():
    projector = Projector(ODD_ONE_OUT, dtype=torch.bfloat16)
    assert projector.backend == "plain"
    volume = random((14, 23, 2), torch.float32)
    error = projector(volume).float() - Projector(ODD_ONE_OUT)(volume)
    assert error.norm() < 0.02 * Projector(ODD_ONE_OUT)(volume).norm()


@given(edges=st.sets(st.integers(1, 13), max_size=4), footprint=st.sampled_from(FOOTPRINTS))
def test_blocks_of_z_make_up_the_volume(edges, footprint):
    geometry = geometry_with(footprint)
    bounds = [0, *sorted(edges), 14]
    tilts = random((8, 19, 2), torch.float32)
    blocks = [Projector(geometry.z_block(start, stop)).T(tilts) for start, stop in pairwise(bounds)]
    torch.testing.assert_close(torch.cat(blocks), Projector(geometry).T(tilts))


def test_the_matrix_does_not_depend_on_how_it_is_built(monkeypatch):
    tilts = random((8, 19, 2), torch.float64)
    at_once = Projector(ODD_ONE_OUT, dtype=torch.float64).T(tilts)
    monkeypatch.setattr("napari_lbn.engine.projection.footprint.CHUNK", 3 * 23 * 8)
    in_chunks = Projector(ODD_ONE_OUT, dtype=torch.float64).T(tilts)
    assert torch.equal(in_chunks, at_once)


def test_auto_is_the_fastest_that_runs():
    assert choose_backend("auto", CPU, torch.float32) == BACKENDS[0]
    on_cuda = choose_backend("auto", torch.device("cuda"), torch.float32)
    assert on_cuda == ("triton" if triton_works(torch.device("cuda")) else "torch-sparse")
    assert choose_backend("auto", torch.device("cuda"), torch.float64) == "torch-sparse"
    assert choose_backend("auto", torch.device("mps"), torch.float32) == "plain"
    assert choose_backend("auto", torch.device("cuda"), torch.float16) == "plain"


@pytest.mark.parametrize(
    ("backend", "dtype"), [("scipy", torch.float16), ("mkl", torch.bfloat16), ("astra", None)]
)
def test_a_backend_that_cannot_run_is_refused(backend, dtype):
    with pytest.raises(DeviceError, match=backend):
        Projector(ODD_ONE_OUT, backend=backend, dtype=dtype or torch.float32)


def test_wrong_shapes_are_refused():
    projector = Projector(ODD_ONE_OUT)
    with pytest.raises(InputError, match=r"\(14, 23\)"):
        projector(torch.zeros(23, 14, 3))
    with pytest.raises(InputError, match=r"\(8, 19\)"):
        projector.T(torch.zeros(14, 23))


def test_another_device_is_refused():
    with pytest.raises(InputError, match="meta"):
        Projector(ODD_ONE_OUT)(torch.zeros(14, 23, device="meta"))


@pytest.mark.parametrize(
    "changes",
    [
        {"angles": ()},
        {"angles": (np.nan,)},
        {"nx": 0},
        {"nz": 0},
        {"n_detector": 0},
        {"footprint": "cubic"},
    ],
)
def test_impossible_geometries_are_refused(changes):
    with pytest.raises(InputError):
        ProjectionGeometry(**(vars(ODD_ONE_OUT) | changes))

"""Projections as physics knows them, and as the paper computes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.projection import ProjectionGeometry, Projector

FOOTPRINTS = ["linear", "distance"]
TILTS = tuple(np.arange(-60.0, 61.0, 7.5))


def project(volume: np.ndarray, angles: tuple[float, ...], **geometry: object) -> np.ndarray:
    """Projections ``(n, x)`` of a plane ``(z, x)`` in float64."""
    nz, nx = volume.shape
    projector = Projector(
        ProjectionGeometry(angles=angles, nx=nx, nz=nz, **geometry), dtype=torch.float64
    )
    return projector(torch.from_numpy(volume)).numpy()


def band_limited_phantom(size: int, seed: int = 0) -> np.ndarray:
    """Blobs of standard deviation 2.5 pixels inside the circle that every tilt sees."""
    noise = np.random.default_rng(seed).normal(size=(size, size))
    z, x = np.mgrid[:size, :size] - (size - 1) / 2
    return gaussian_filter(noise * (np.hypot(z, x) < 0.35 * size), 2.5)


# The paper's formulation: affine matrices, grid sampling, a sum.


def back_project_by_grid_sample(tilts: torch.Tensor, angles: tuple[float, ...], nz: int):
    """Sum over tilts of each tilt sampled at q = x cos + z sin; ``(n, x, y)`` to ``(z, x, y)``."""
    _, nx, ny = tilts.shape
    volume = tilts.new_zeros(nz, nx, ny)
    for tilt, angle in zip(tilts, np.deg2rad(angles), strict=True):
        aspect = (nz - 1) / (nx - 1)
        affine = tilts.new_tensor([[np.cos(angle), np.sin(angle) * aspect, 0], [0, 0, 0]])
        grid = torch.nn.functional.affine_grid(affine[None], [1, ny, nz, nx], align_corners=True)
        image = tilt.T[None, :, None]
        sampled = torch.nn.functional.grid_sample(image, grid, align_corners=True)
        volume += sampled[0].permute(1, 2, 0)
    return volume


def project_by_grid_sample(volume: torch.Tensor, angles: tuple[float, ...]) -> torch.Tensor:
    """Rotate a square plane ``(z, x)`` upright, sum over z; ``(n, x)``."""
    tilts = []
    for angle in np.deg2rad(angles):
        cos, sin = np.cos(angle), np.sin(angle)
        # Row s, column q of the rotated plane lies at x = q cos - s sin, z = q sin + s cos.
        affine = volume.new_tensor([[cos, -sin, 0], [sin, cos, 0]])
        size = [1, 1, *volume.shape]
        grid = torch.nn.functional.affine_grid(affine[None], size, align_corners=True)
        rotated = torch.nn.functional.grid_sample(volume[None, None], grid, align_corners=True)
        tilts.append(rotated[0, 0].sum(0))
    return torch.stack(tilts)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_back_projection_agrees_with_grid_sample(dtype):
    geometry = ProjectionGeometry(angles=TILTS, nx=64, nz=31)
    tilts = torch.randn(len(TILTS), 64, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    ours = Projector(geometry, dtype=dtype).T(tilts)
    reference = back_project_by_grid_sample(tilts.double(), TILTS, 31)
    assert (ours - reference).abs().max() < 1e-5 * reference.abs().max()


@pytest.mark.parametrize(("footprint", "error"), [("linear", 0.025), ("distance", 0.005)])
def test_projection_agrees_with_grid_sample(footprint, error):
    """Up to the interpolation error, on blobs of standard deviation 2.5 pixels."""
    phantom = band_limited_phantom(96)
    ours = project(phantom, TILTS, footprint=footprint)
    reference = project_by_grid_sample(torch.from_numpy(phantom), TILTS).numpy()
    assert np.linalg.norm(ours - reference) < error * np.linalg.norm(reference)


@pytest.mark.parametrize("angle", [0.5, 1.0, 45.0, -45.0, 60.0, 75.0])
def test_a_uniform_slab_projects_without_moire(angle):
    nx, nz = 400, 40
    tilt = project(np.ones((nz, nx)), (angle,), footprint="distance")[0]
    # What the slab's ends do not shadow.
    reach = (nx / 2) * np.cos(np.deg2rad(angle)) - nz / 2 * np.sin(np.deg2rad(abs(angle))) - 2
    inside = np.abs(np.arange(nx) - (nx - 1) / 2) < reach
    assert inside.sum() > 20
    np.testing.assert_allclose(tilt[inside], nz / np.cos(np.deg2rad(angle)), rtol=0.01)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@given(angle=st.floats(-180, 180))
def test_the_rotation_centre_is_fixed(footprint, angle):
    plane = np.zeros((9, 21))
    plane[4, 10] = 1
    tilt = project(plane, (angle,), footprint=footprint)[0]
    assert tilt[10] == pytest.approx(tilt.max())
    centroid = tilt @ np.arange(21) / tilt.sum()
    assert centroid == pytest.approx(10)


@given(z=st.integers(0, 16), x=st.integers(0, 24), angle=st.floats(-90, 90))
def test_a_point_lands_where_the_geometry_says(z, x, angle):
    plane = np.zeros((17, 25))
    plane[z, x] = 1
    theta = np.deg2rad(angle)
    q = (x - 12) * np.cos(theta) + (z - 8) * np.sin(theta) + 20
    for footprint, error in (("linear", 1e-9), ("distance", 0.15)):
        tilt = project(plane, (angle,), n_detector=41, footprint=footprint)[0]
        # A box narrower than a pixel, inside one pixel, has lost where in it it lies:
        # (1 - sqrt(1/2)) / 2 pixels at the most.
        assert tilt @ np.arange(41) == pytest.approx(q, abs=error)


@given(shift=st.floats(-3, 3), angle=st.floats(-90, 90))
def test_moving_both_centres_moves_the_projection(shift, angle):
    plane = band_limited_phantom(24)
    centred = project(plane, (angle,), n_detector=60)
    moved = project(
        plane,
        (angle,),
        n_detector=60,
        volume_centre=(
            11.5 - np.sin(np.deg2rad(angle)) * shift,
            11.5 - np.cos(np.deg2rad(angle)) * shift,
        ),
        detector_centre=29.5 - shift,
    )
    np.testing.assert_allclose(moved, centred, atol=1e-9)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@given(angle=st.floats(-90, 90), seed=st.integers(0, 99))
def test_projection_half_a_turn_on_is_the_mirror_image(footprint, angle, seed):
    plane = np.random.default_rng(seed).normal(size=(7, 16))
    near, far = project(plane, (angle, angle + 180), footprint=footprint)
    np.testing.assert_allclose(far, near[::-1], atol=1e-9)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@given(angle=st.floats(-180, 180), seed=st.integers(0, 99))
def test_mass_is_conserved(footprint, angle, seed):
    plane = np.random.default_rng(seed).uniform(size=(7, 16))
    tilt = project(plane, (angle,), n_detector=24, footprint=footprint)
    assert tilt.sum() == pytest.approx(plane.sum())


@pytest.mark.parametrize("footprint", FOOTPRINTS)
def test_projection_along_an_axis_is_a_sum(footprint):
    plane = band_limited_phantom(20)
    along_z, along_x = project(plane, (0.0, 90.0), footprint=footprint)
    np.testing.assert_allclose(along_z, plane.sum(0), atol=1e-12)
    np.testing.assert_allclose(along_x, plane.sum(1), atol=1e-12)


@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("angle", [13.0, 30.0, 45.0, -70.0])
def test_fourier_slice_theorem(footprint, angle):
    """A projection's transform is the central slice, times the footprint's own transform."""
    size = 96
    phantom = band_limited_phantom(size)
    tilt = project(phantom, (angle,), footprint=footprint)[0]
    theta = np.deg2rad(angle)
    centred = np.arange(size) - (size - 1) / 2
    t = np.linspace(-0.15, 0.15, 61)
    spectrum = np.exp(-2j * np.pi * np.outer(t, centred)) @ tilt
    along_z = np.exp(-2j * np.pi * np.outer(t * np.sin(theta), centred))
    along_x = np.exp(-2j * np.pi * np.outer(t * np.cos(theta), centred))
    central_slice = np.einsum("tz,zx,tx->t", along_z, phantom, along_x)
    width = 1.0 if footprint == "linear" else max(abs(np.cos(theta)), abs(np.sin(theta)))
    expected = central_slice * np.sinc(t) * np.sinc(t * width)
    error = np.linalg.norm(spectrum - expected) / np.linalg.norm(expected)
    assert error < 0.002

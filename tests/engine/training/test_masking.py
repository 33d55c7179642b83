"""Which tilts are hidden, and that augmentations are what they say: rotated, mirrored specimens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.training.examples.augmentation import (
    mirror_x,
    mirror_y,
    mirror_z,
    rotate_specimen,
)
from napari_lbn.engine.training.examples.masking import edge_mask, independent_mask, uniform_mask

ANGLES = np.arange(-60.0, 61, 5)


@given(n=st.integers(3, 80), seed=st.integers(0, 10_000))
def test_masks_hide_some_and_leave_enough(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for draw, most in ((uniform_mask, 0.8), (independent_mask, 1.0), (edge_mask, 0.4)):
        hidden = draw(n, rng)
        assert hidden.shape == (n,)
        assert (~hidden).sum() >= 2
        assert hidden.sum() <= most * n + 1


def test_uniform_mask_spans_0_to_80_percent() -> None:
    rng = np.random.default_rng(0)
    shares = [uniform_mask(50, rng).mean() for _ in range(400)]
    assert min(shares) < 0.04
    assert max(shares) > 0.76
    assert np.mean(shares) == pytest.approx(0.4, abs=0.03)


def test_independent_mask_hides_each_tilt_with_its_probability() -> None:
    rng = np.random.default_rng(0)
    hidden = np.array([independent_mask(41, rng, 0.4) for _ in range(500)])
    np.testing.assert_allclose(hidden.mean(axis=0), 0.4, atol=0.1)


def test_edge_mask_hides_blocks_at_the_ends() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        hidden = edge_mask(41, rng)
        visible = np.flatnonzero(~hidden)
        assert (np.diff(visible) == 1).all()


def specimen(x: float, y: int, z: float, size: int = 48) -> NDArray[np.float32]:
    """A ball of (z, y, x) pixels around the centre, offsets in pixels."""
    centre = (size - 1) / 2
    depth, height, width = np.ogrid[:size, :16, :size]
    squared = (depth - centre - z) ** 2 + (height - 8 - y) ** 2 + (width - centre - x) ** 2
    return np.exp(-squared / 18).astype(np.float32)


def project(volume: NDArray[np.float32], angles: NDArray[np.float64]) -> NDArray[np.float32]:
    size = volume.shape[0]
    geometry = ProjectionGeometry(angles=tuple(angles), nx=size, nz=size, footprint="distance")
    columns = torch.from_numpy(np.ascontiguousarray(volume.transpose(0, 2, 1)))
    return Projector(geometry)(columns).permute(0, 2, 1).numpy()


def assert_same(tilts: NDArray, expected: NDArray) -> None:
    assert np.linalg.norm(tilts - expected) < 0.02 * np.linalg.norm(expected)


@pytest.mark.parametrize("offset", [-90.0, -37.0, 20.0, 71.0, 90.0])
def test_offset_is_a_rotation_of_the_specimen(offset: float) -> None:
    tilts = project(specimen(7, 2, -4), ANGLES)
    turned, angles = rotate_specimen(tilts, ANGLES, offset)
    assert (angles > -90).all()
    assert (angles <= 90).all()
    radians = np.deg2rad(offset)
    x = 7 * np.cos(radians) + 4 * np.sin(radians)
    z = -4 * np.cos(radians) + 7 * np.sin(radians)
    assert_same(turned, project(specimen(x, 2, z), angles))


@pytest.mark.parametrize(
    ("mirror", "mirrored"),
    [(mirror_x, (-7, 2, -4)), (mirror_z, (7, 2, 4))],
)
def test_mirrors_are_mirrored_specimens(mirror, mirrored: tuple[int, int, int]) -> None:
    tilts, angles = mirror(project(specimen(7, 2, -4), ANGLES), ANGLES)
    assert_same(tilts, project(specimen(*mirrored), angles))


def test_mirror_along_the_tilt_axis() -> None:
    tilts, angles = mirror_y(project(specimen(7, 2, -4), ANGLES), ANGLES)
    np.testing.assert_array_equal(angles, ANGLES)
    assert_same(tilts, project(specimen(7, 2, -4)[:, ::-1], ANGLES))

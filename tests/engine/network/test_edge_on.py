"""A latent volume seen edge-on: no stripes, and every other angle as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_lbn.engine.network import LBNConfig
from napari_lbn.engine.network.edge_on import EDGE_ON, re_project_tilts
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.latent_projection import re_project
from napari_lbn.engine.network.subpixels import to_channels

WIDTH = 256
THICKNESS = 64


@pytest.fixture(scope="module")
def grid() -> LatentGrid:
    return LatentGrid.of(LBNConfig(), WIDTH, THICKNESS)


def volume(grid: LatentGrid, rows: np.ndarray) -> torch.Tensor:
    """Whose fine rows in z have these values, the same everywhere in x."""
    shape = (grid.nz * grid.subpixels, grid.nx * grid.subpixels, 1, 2)
    fine = torch.as_tensor(rows, dtype=torch.float32)[:, None, None, None].expand(shape)
    return to_channels(fine, grid.subpixels)


@pytest.mark.parametrize("angle", [90.0, -89.985, 89.5])
def test_sub_pixels_that_differ_make_no_stripes(grid: LatentGrid, angle: float) -> None:
    rows = np.tile([1.0, 0.0, -1.0, 0.0], grid.nz)  # the same in each latent
    lattice = volume(grid, rows)
    plain = re_project(lattice, [angle], grid)
    assert re_project_tilts(lattice, [angle], grid).std() < 0.2 * plain.std()


def test_what_is_thicker_than_the_lattice_stays(grid: LatentGrid) -> None:
    n = grid.nz * grid.subpixels
    rows = np.exp(-0.5 * ((np.arange(n) - n / 2) / (n / 6)) ** 2)
    smooth = volume(grid, rows)
    plain, tilts = re_project(smooth, [90.0], grid), re_project_tilts(smooth, [90.0], grid)
    assert float((tilts - plain).norm() / plain.norm()) < 0.1


def test_other_angles_are_left_alone(grid: LatentGrid) -> None:
    torch.manual_seed(0)
    random = volume(grid, torch.randn(grid.nz * grid.subpixels).numpy())
    angles = np.array([-90.0 + EDGE_ON, -87.0, 0.0, 60.0, 89.0])
    assert torch.equal(re_project_tilts(random, angles, grid), re_project(random, angles, grid))

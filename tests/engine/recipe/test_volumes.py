"""Latent volumes beside the truth: places, signs, mirrors, and what a perfect UNet would score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_lbn.engine.network import LBN
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.recipe.tasks import BoxTask, DetailsTask, slow
from napari_lbn.engine.recipe.view import RANGE, View, measured, usual
from napari_lbn.engine.recipe.volumes import pair, truth_on_lattice

from .conftest import CONFIG

AROUND = np.arange(-87.0, 91.0, 3.0)
MEASURED = np.arange(-72.0, 73.0, 3.0)
SIZE, DEPTH = 64, 48


def blob(z: float, y: float, x: float, sigma: float = 3.0) -> np.ndarray:
    """A Gaussian at a place relative to the middle, ``(z, y, x)``."""
    axes = [np.arange(n) - (n - 1) / 2 - c for n, c in ((DEPTH, z), (SIZE, y), (SIZE, x))]
    parts = [np.exp(-0.5 * (a / sigma) ** 2) for a in axes]
    return np.einsum("i,j,k->ijk", *parts).astype(np.float32)


def tilts_of(volume: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Noise-free tilts ``(n, y, x)``."""
    geometry = ProjectionGeometry(angles=tuple(map(float, angles)), nx=SIZE, nz=DEPTH)
    operator = Projector(geometry, device="cpu")
    planes = torch.from_numpy(np.ascontiguousarray(volume.transpose(0, 2, 1)))
    return operator(planes).numpy().transpose(0, 2, 1).copy()


def view_of(volume: np.ndarray) -> View:
    return View(
        angles=MEASURED,
        clean=tilts_of(volume, MEASURED),
        profile=np.ones(MEASURED.size),
        truth_angles=AROUND,
        box=tilts_of(volume, AROUND),
        depth=40,
    )


def centre_of(lattice: np.ndarray, grid: LatentGrid) -> tuple[float, float, float]:
    """Of what is bright in ``(z, x, D, y)``: (z, y, x) pixels relative to the middle."""
    nz, nx, rows, ny = lattice.shape
    values = np.clip(lattice, 0.3 * lattice.max(), None) - 0.3 * lattice.max()
    values = values.transpose(0, 3, 2, 1).reshape(nz, ny * rows, nx)
    axes = [
        (np.arange(n) - (n - 1) / 2) * s for n, s in zip(values.shape, (2.0, 1.0, 2.0), strict=True)
    ]
    total = values.sum()
    found = [
        float((values.sum(axis=tuple({0, 1, 2} - {i})) * a).sum() / total)
        for i, a in enumerate(axes)
    ]
    return tuple(found)


@pytest.mark.parametrize("place", [(0, 0, 0), (9, -14, 11), (-8, 12, -16)])
def test_a_point_of_the_truth_lies_where_it_is(place) -> None:
    grid = LatentGrid.of(CONFIG, SIZE, DEPTH)
    truth = truth_on_lattice(tilts_of(blob(*place), AROUND), AROUND, grid, CONFIG.downsampling)
    assert centre_of(truth, grid) == pytest.approx(place, abs=0.8)


def test_image_and_truth_show_the_same_point_with_the_same_sign() -> None:
    network = LBN(CONFIG).eval().requires_grad_(False)
    view = view_of(blob(8, -12, 10))
    for sign in (1, -1):
        seen = usual(view, np.random.default_rng(0))
        clean = view.clean[np.abs(MEASURED) < 60.1]
        seen = replace(seen, tilts=sign * clean, sign=sign)
        found = pair(network, view, seen, DEPTH, complete=False).details()
        image, truth = (sign * found[k].float().numpy() for k in ("image", "truth"))
        assert centre_of(image, None) == pytest.approx((8, -12, 10), abs=2.5)
        assert centre_of(truth, None) == pytest.approx((8, -12, 10), abs=0.8)
        assert np.corrcoef(image.ravel(), truth.ravel())[0, 1] > 0.7


def details_example(task: DetailsTask, tmp_path, image=None) -> tuple:
    from safetensors.torch import save_file

    truth = torch.randn(24, 32, 8, 8)
    path = tmp_path / "pair.safetensors"
    save_file({"image": truth.clone() if image is None else image, "truth": truth}, path)
    return task.read(path)


@pytest.fixture
def task() -> DetailsTask:
    network = LBN(replace(CONFIG, fine_widths=(4, 4, 4))).requires_grad_(False)
    task = DetailsTask(network.fine)
    task.network = network
    return task


def test_a_perfect_volume_scores_nothing_and_an_empty_one_everything(task, tmp_path) -> None:
    """The UNet that begins does nothing."""
    fine = task.network.fine
    assert float(task.loss(fine, details_example(task, tmp_path))) == pytest.approx(0, abs=1e-4)
    noise = 1e-3 * torch.randn(24, 32, 8, 8)  # read scales the image to 1, and the truth with it
    image, truth = details_example(task, tmp_path, noise)
    assert float(task.loss(fine, (0 * image, truth))) == pytest.approx(1, abs=1e-3)


def test_mirrors_turn_image_and_truth_alike(task, tmp_path) -> None:
    example = details_example(task, tmp_path)
    for seed in range(12):
        image, truth = task.drawn(example, np.random.default_rng(seed))
        assert image.equal(truth)
        assert min(image.stride()) > 0


def test_a_mirrored_row_is_the_row_of_a_mirrored_volume(task) -> None:
    """A voxel's channels are rows; turning the volume turns both."""
    fine = task.network.fine
    volume = torch.randn(8, 8, 8, 4)  # z, x, D, y
    rows = volume.permute(0, 1, 3, 2).reshape(8, 8, 32)
    turned = rows.flip(2).reshape(8, 8, 4, 8).permute(0, 1, 3, 2)
    assert fine.to_lattice(turned).equal(fine.to_lattice(volume).flip((0, 2)))


def test_slow_keeps_what_is_slow() -> None:
    z = torch.arange(64.0)
    wave = torch.sin(2 * torch.pi * z / 64)[None, :, None, None].expand(1, 64, 16, 16)
    fine = torch.sin(2 * torch.pi * z / 8)[None, :, None, None].expand(1, 64, 16, 16)
    inner = (0, slice(24, 40), 8, 8)
    expected = np.exp(-0.5 * (2 * np.pi * 6 / 64) ** 2)
    assert slow(wave)[inner] == pytest.approx(expected * wave[inner], abs=0.02)
    assert float(slow(fine)[inner].abs().max()) < 0.01


def test_the_box_task_counts_the_error_of_means() -> None:
    network = LBN(replace(CONFIG, box_widths=(4, 4))).requires_grad_(False)
    mean, spread = torch.randn(4, 6, 6), torch.rand(4, 6, 6)
    task = BoxTask()
    assert float(task.loss(network.box, (mean, spread, mean))) == pytest.approx(0, abs=1e-6)
    assert float(task.loss(network.box, (mean, spread, -mean))) == pytest.approx(4, rel=1e-3)


def test_measured_tilts_stay_within_what_there_is() -> None:
    view = view_of(blob(0, 0, 0))
    for seed in range(30):
        seen = measured(view, np.random.default_rng(seed))
        assert set(seen.angles) <= set(MEASURED)
        assert np.all(np.diff(seen.angles) > 0)
        assert -RANGE[1] <= seen.angles.min() < 0 < seen.angles.max() <= RANGE[1]
        assert seen.tilts.shape == (seen.angles.size, SIZE, SIZE)
        assert np.isfinite(seen.tilts).all()

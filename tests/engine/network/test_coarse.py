"""What changes slowly: settled by the measured tilts, and left alone by what was learned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.coarse import known_shares, low_passed, refined
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.latent_projection import re_project
from napari_lbn.engine.network.tomography import LatentTomography

CONFIG = LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8))
ANGLES = np.arange(-60.0, 61, 3)
THICKNESS = 64
SIZE = 128


def slab_tilts(
    sigma: float, angles: np.ndarray, rows: int = 32, *, seed: int = 0, dense: bool = False
) -> torch.Tensor:
    """Blobs of one width in a slab wider than the view: its exact projections."""
    rng = np.random.default_rng(seed)
    tilts = np.zeros((len(angles), rows, SIZE), dtype=np.float32)
    y, q = np.arange(rows)[:, None], np.arange(SIZE)[None]
    for _ in range(60):
        x, z = rng.uniform(-SIZE, SIZE), rng.uniform(-THICKNESS / 3, THICKNESS / 3)
        height, weight = rng.uniform(0, rows), rng.normal()
        weight = abs(weight) if dense else weight
        for i, angle in enumerate(np.deg2rad(angles)):
            at = (SIZE - 1) / 2 + x * np.cos(angle) + z * np.sin(angle)
            tilts[i] += weight * np.exp(-((q - at) ** 2 + (y - height) ** 2) / (2 * sigma**2))
    return torch.from_numpy(tilts / tilts.std())[:, None]


def hidden_error(config: LBNConfig, sigma: float) -> float:
    """Low-passed, of tilts between, by a network that has learned nothing but to bend levels."""
    hidden = np.array([-31.5, 1.5, 34.5])
    torch.manual_seed(0)
    network = LBN(config).eval()
    torch.nn.init.normal_(network.refinement.last.conv.weight, std=0.02)
    tilts = slab_tilts(sigma, np.append(ANGLES, hidden))
    measured, truth = tilts[: ANGLES.size], tilts[ANGLES.size :]
    with torch.no_grad():
        made = network(measured, ANGLES, hidden, THICKNESS)
    wide = [low_passed(images, (8.0, 8.0)) for images in (made, truth)]
    return float((wide[0] - wide[1]).norm() / wide[1].norm())


def test_hidden_tilts_of_a_smooth_slab_come_out_right_whatever_was_learned() -> None:
    bent = hidden_error(dataclasses.replace(CONFIG, coarse_updates=0), sigma=24.0)
    settled = hidden_error(CONFIG, sigma=24.0)
    assert settled < 0.5 * bent


def test_more_updates_leave_less_unexplained() -> None:
    grid = LatentGrid.of(CONFIG, SIZE, THICKNESS)
    latents = LBN(CONFIG).eval().encode(slab_tilts(24.0, ANGLES)).detach()
    left = []
    for count in (0, 8, 32):
        tomography = LatentTomography(dataclasses.replace(CONFIG, coarse_updates=count))
        with torch.no_grad():
            volume = torch.zeros(CONFIG.volume_channels, grid.nz, 4, grid.nx)
            volume = tomography.settle(volume, latents, ANGLES, grid)
            left.append(float(_unexplained(volume, latents, grid)))
    assert left[2] < left[1] < 0.5 * left[0]


def _unexplained(volume: torch.Tensor, latents: torch.Tensor, grid: LatentGrid) -> torch.Tensor:
    image = slice(CONFIG.latent_channels, None)
    return (re_project(volume, ANGLES, grid) - latents)[:, image].norm()


def test_learned_channels_are_not_touched() -> None:
    grid = LatentGrid.of(CONFIG, SIZE, THICKNESS)
    latents = torch.randn(ANGLES.size, CONFIG.tilt_channels, 4, grid.width)
    volume = torch.randn(CONFIG.volume_channels, grid.nz, 4, grid.nx)
    with torch.no_grad():
        kept = LatentTomography(CONFIG).settle(volume.clone(), latents, ANGLES, grid)
    learned = CONFIG.latent_channels * CONFIG.subpixels
    assert torch.equal(kept[:learned], volume[:learned])
    assert not torch.equal(kept[learned:], volume[learned:])


@pytest.mark.parametrize(
    ("angle", "share"),
    [(0.0, 1.0), (1.5, 1.0), (69.0, 1.0), (-70.0, 1.0), (80.0, 0.5), (-80.0, 0.5), (90.0, 0.0)],
)
def test_measured_tilts_tell_less_the_further_they_are(angle: float, share: float) -> None:
    known = known_shares(ANGLES, [angle], torch.device("cpu"))
    assert float(known) == pytest.approx(share)


def test_a_range_around_90_degrees_is_one_range() -> None:
    """The random angle offset of training turns the measured range across the end of the circle."""
    turned = np.where(ANGLES + 70 > 90, ANGLES - 110, ANGLES + 70)
    known = known_shares(turned, [90.0, -89.0, -20.0], torch.device("cpu"))
    assert known.tolist() == [1.0, 1.0, 0.0]


def test_deep_in_the_wedge_what_was_learned_stays() -> None:
    torch.manual_seed(0)
    refinement = LBN(CONFIG).eval().refinement
    torch.nn.init.normal_(refinement.last.conv.weight)
    image, decoded = torch.randn(2, 1, 64, 64), torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        near = refinement(image, decoded)
        mixed = refinement(image, decoded, torch.tensor([0.0, 1.0]))
        refinement.coarse = 0.0
        learned = refinement(image, decoded)
    torch.testing.assert_close(mixed[0], learned[0])
    torch.testing.assert_close(mixed[1], near[1])


def test_refinement_adds_nothing_coarse() -> None:
    """Neither a level nor a slow wave; detail as before."""
    torch.manual_seed(0)
    refinement = LBN(CONFIG).eval().refinement
    torch.nn.init.normal_(refinement.last.conv.weight)
    torch.nn.init.ones_(refinement.last.conv.bias)
    image, decoded = torch.randn(1, 1, 256, 256), torch.randn(1, 1, 256, 256)
    with torch.no_grad():
        added = refinement(image, decoded) - image
        refinement.coarse = 0.0
        before = refinement(image, decoded) - image
    wide = [low_passed(part, (20.0, 20.0)) for part in (added, before)]
    assert wide[0].norm() < 0.05 * wide[1].norm()
    assert float(added.std()) > 0.9 * float(before.std())


@pytest.mark.parametrize("sigmas", [(8.0, 8.0), (1.0, 4.0)])
def test_low_pass_is_the_gaussian(sigmas: tuple[float, float]) -> None:
    images = torch.randn(2, 1, 40, 60)
    expected = gaussian_filter(images.numpy(), (0, 0, *sigmas), mode="nearest", truncate=3.0)
    made = low_passed(images, sigmas).numpy()
    np.testing.assert_allclose(made, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_low_pass_keeps_its_precision_in_half_precision(dtype: torch.dtype) -> None:
    images = torch.full((1, 1, 16, 16), 1.0039)
    with torch.autocast("cpu", torch.bfloat16):
        made = low_passed(images.to(dtype), (2.0, 2.0))
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, images.to(dtype).float())


@pytest.mark.parametrize(("rows", "pool"), [(8, 2), (4, 1), (16, 4)])
def test_rows_between_latent_rows_follow_a_slope(rows: int, pool: int) -> None:
    """Means over latent rows, back on image rows: a plane stays a plane, and rays add up."""
    plane = torch.arange(6.0 * rows).view(6, rows)
    made = refined(plane.mean(1).expand(2, 3, 1, 6), rows, pool)
    assert made.shape == (2 * pool, 3 * pool, rows, 6)
    torch.testing.assert_close(made[:pool, 0].sum(0).T[1:-1], plane[1:-1])


def test_a_level_stays_a_level() -> None:
    level = torch.full((2, 3, 1, 5), 2.5)
    assert torch.equal(refined(level, 8, 1), torch.full((2, 3, 8, 5), 2.5))


def test_gradients_pass() -> None:
    """Fine-tuning learns through it, both rounds."""
    grid = LatentGrid.of(CONFIG, 64, 32)
    latents = torch.randn(ANGLES.size, CONFIG.tilt_channels, 2, grid.width, requires_grad=True)
    volume = torch.randn(CONFIG.volume_channels, grid.nz, 2, grid.nx, requires_grad=True)
    out = LatentTomography(CONFIG).settle(volume, latents, ANGLES, grid)
    out.square().sum().backward()
    assert grid.flat
    assert volume.grad.abs().sum() > 0
    assert latents.grad.abs().sum() > 0
    assert torch.isfinite(volume.grad).all()


def test_the_papers_network_has_none_of_it() -> None:
    assert dataclasses.replace(CONFIG, image_channels=False).coarse_sigma == 0
    assert dataclasses.replace(CONFIG, updates=0, updates_after=0).coarse_sigma == 0
    assert CONFIG.coarse_sigma == CONFIG.downsampling

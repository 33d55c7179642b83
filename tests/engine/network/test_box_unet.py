"""The reconstruction box alone, for tilts in the missing wedge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.network import LBN, LBNConfig, in_bands
from napari_lbn.engine.network.box_unet import BoxUNet, pooled
from napari_lbn.engine.network.edge_on import re_project_tilts
from napari_lbn.engine.network.image_channels import image_to_latents, latents_to_image, sharpened
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.subpixels import to_channels, to_fine

from .disturbed import disturbed

CONFIG = LBNConfig(
    widths=(4, 4, 8, 8, 8),
    groups=(1, 2, 2, 2, 2),
    unet_widths=(8, 8, 8, 8),
    unet_groups=2,
    box_widths=(4, 6, 8),
)
N_IMAGE = CONFIG.downsampling * CONFIG.subpixels**2


@pytest.fixture
def grid() -> LatentGrid:
    return LatentGrid.of(CONFIG, 72, 48)


@pytest.fixture
def volume(grid: LatentGrid) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randn(CONFIG.volume_channels, grid.nz, 7, grid.nx, generator=generator)


def test_untrained_it_only_takes_away_what_lies_beside_the_box(volume, grid):
    alone = BoxUNet(CONFIG)(volume, grid).detach()
    view = grid.view
    assert torch.equal(alone[..., view], volume[..., view])
    assert not alone[..., : view.start].any()
    assert not alone[..., view.stop :].any()


def test_what_it_adds_is_smooth_and_has_the_mean_it_was_given(volume, grid):
    """Interpolated to the image's lattice, every latent voxel keeps what its neighbours leave."""
    unet = disturbed(BoxUNet(CONFIG)).requires_grad_(False)
    view = grid.view
    image = volume[-N_IMAGE:, ..., view]
    added = unet(volume, grid)[-N_IMAGE:, ..., view] - image
    mean = added.mean(dim=0)
    change = unet.change(*pooled(image))
    for axis in range(3):
        size, at = change.shape[axis], torch.arange(change.shape[axis])
        before = change.index_select(axis, (at - 1).clamp_min(0))
        after = change.index_select(axis, (at + 1).clamp_max(size - 1))
        change = 0.75 * change + 0.125 * (before + after)
    torch.testing.assert_close(mean, change, rtol=1e-4, atol=1e-4 * float(change.abs().max()))
    fine = to_fine(added.contiguous(), CONFIG.subpixels)  # (z, x, rows, y)
    lines = fine.permute(0, 1, 3, 2).flatten(2)
    for axis in range(3):
        assert lines.diff(dim=axis).abs().max() < 0.5 * lines.abs().max()


def test_a_place_does_not_depend_on_what_is_far_away(grid):
    """But for one scale, which is held here by a copy of the volume beside it."""
    unet = disturbed(BoxUNet(CONFIG)).requires_grad_(False)
    mean = torch.randn(8, 64, 8)
    spread = mean.abs() + 0.1
    mean = torch.cat([mean, mean], dim=1)
    spread = torch.cat([spread, spread], dim=1)
    swapped = torch.cat([mean[:, :64].flip(1), mean[:, 64:]], dim=1)
    there = torch.cat([spread[:, :64].flip(1), spread[:, 64:]], dim=1)
    torch.testing.assert_close(
        unet.change(swapped, there)[:, 96:], unet.change(mean, spread)[:, 96:]
    )


def test_twice_the_contrast_comes_out_twice_as_strong(volume, grid):
    unet = disturbed(BoxUNet(CONFIG)).requires_grad_(False)
    once, twice = unet(volume.clone(), grid), unet(2 * volume, grid)
    torch.testing.assert_close(twice, 2 * once, rtol=1e-4, atol=1e-4)


def test_learned_channels_stay(volume, grid):
    unet = disturbed(BoxUNet(CONFIG)).requires_grad_(False)
    view = grid.view
    alone = unet(volume, grid)[..., view]
    assert torch.equal(alone[:-N_IMAGE], volume[:-N_IMAGE, ..., view])
    assert not torch.equal(alone[-N_IMAGE:], volume[-N_IMAGE:, ..., view])


@pytest.mark.parametrize("rows", [None, 2, 5])
def test_bands_change_nothing(volume, grid, rows):
    unet = disturbed(BoxUNet(CONFIG)).requires_grad_(False)
    with torch.inference_mode():
        whole = unet(volume.clone(), grid)
        with in_bands(rows):
            torch.testing.assert_close(unet(volume.clone(), grid), whole, rtol=1e-5, atol=1e-5)


def test_without_gradients_it_works_in_place(volume, grid):
    unet = disturbed(BoxUNet(CONFIG)).requires_grad_(False)
    kept = volume.clone()
    expected = unet(volume, grid)
    assert torch.equal(volume, kept)  # gradients are recorded here
    with torch.inference_mode():
        alone = unet(volume, grid)
    assert alone.data_ptr() == volume.data_ptr()
    torch.testing.assert_close(alone, expected)


def test_a_point_of_the_box_lands_where_geometry_says():
    """A column of the volume, re-projected and decoded at 0 and 90 degrees."""
    network = LBN(replace(CONFIG, updates=0, updates_after=0, coarse_updates=0)).eval()
    grid = LatentGrid.of(CONFIG, 64, 48)
    fine = torch.zeros(grid.nz * 4, grid.nx * 4, 8, 4)
    z, x = grid.nz * 4 // 2 + 5, grid.nx * 4 // 2 + 9  # 11 and 19 pixels behind the centre
    fine[z, x] = 1
    volume = torch.cat(
        [torch.zeros(CONFIG.volume_channels - N_IMAGE, grid.nz, 4, grid.nx), to_channels(fine, 4)]
    )
    with torch.inference_mode():
        alone = network.box(volume, grid)
        tilts = network.decode_box(re_project_tilts(alone, [0.0, 60.0], grid), (32, 64))
    columns = torch.arange(64.0)
    centre = (tilts[:, 0, 16] * columns).sum(dim=-1) / tilts[:, 0, 16].sum(dim=-1)
    angle = np.deg2rad([0.0, 60.0])
    expected = 31.5 + 19 * np.cos(angle) + 11 * np.sin(angle)
    np.testing.assert_allclose(centre, expected, atol=0.3)


def test_what_the_decoder_adds_is_neither_coarse_nor_fine():
    torch.manual_seed(0)
    network = LBN(CONFIG).eval().requires_grad_(False)
    torch.nn.init.normal_(network.refinement.last.conv.weight, std=0.1)
    tilts = torch.randn(2, 1, 64, 64)
    latents = torch.cat([torch.randn(2, 8, 8, 8), image_to_latents(tilts, CONFIG)], dim=1)
    image = sharpened(latents_to_image(latents[:, 8:], CONFIG), CONFIG)
    added = (network.decode_box(latents, (64, 64)) - image)[..., 8:-8, 8:-8]
    power = torch.fft.rfft2(added).abs().square().sum(dim=(0, 1))
    ky, kx = torch.fft.fftfreq(48)[:, None], torch.fft.rfftfreq(48)[None, :]
    radius = (ky**2 + kx**2).sqrt()
    between = power[(radius > 0.02) & (radius < 0.08)].mean()
    assert power[radius > 0.2].mean() < 1e-3 * between


def test_it_needs_image_channels():
    with pytest.raises(WeightsError, match="needs image channels"):
        replace(CONFIG, image_channels=False)

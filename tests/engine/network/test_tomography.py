"""Updates of the latent volume: it explains the latents that it was made from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.latent_filter import FilterLimits, filter_latents
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.latent_projection import re_project
from napari_lbn.engine.network.subpixels import to_channels
from napari_lbn.engine.network.tomography import LatentTomography

CONFIG = LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8), image_channels=False)
ANGLES = np.arange(-60.0, 61, 3)
THICKNESS = 64


def slab_latents(grid: LatentGrid, rows: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth slab, wider than the field of view, and its latents at `ANGLES` and 1.5 degrees."""
    random = torch.Generator().manual_seed(0)
    fine = torch.randn(grid.nz * 4, grid.nx * 4, 2, rows, generator=random)
    fine[: 2 * 4] = fine[-2 * 4 :] = 0
    smooth = torch.fft.ifft2(
        torch.fft.fft2(fine, dim=(0, 1)) * _low_pass(fine.shape[:2]), dim=(0, 1)
    ).real
    volume = to_channels(smooth, 4)
    return re_project(volume, ANGLES, grid), re_project(volume, [1.5], grid)


def _low_pass(shape: torch.Size) -> torch.Tensor:
    z, x = (torch.fft.fftfreq(n) for n in shape)
    return torch.exp(-((z[:, None] ** 2 + x**2) / (2 * 0.08**2)))[:, :, None, None]


@torch.no_grad()
def left_over(config: LBNConfig) -> tuple[float, float]:
    """What of the measured latents, and of a hidden one, the volume leaves unexplained."""
    grid = LatentGrid.of(config, 96, THICKNESS)
    measured, hidden = slab_latents(grid)
    volume = LatentTomography(config).back_project(measured, ANGLES, grid)
    parts = ((measured, ANGLES), (hidden, [1.5]))
    errors = [(re_project(volume, at, grid) - found).norm() / found.norm() for found, at in parts]
    return float(errors[0]), float(errors[1])


@pytest.mark.parametrize("unfiltered", [0.0, 1.0])
def test_updates_explain_measured_and_hidden_latents_better(unfiltered: float) -> None:
    """A slab wider than the field of view: plain back-projection does not reproduce it."""
    few = [
        left_over(dataclasses.replace(CONFIG, updates=n, unfiltered=unfiltered)) for n in (0, 1, 3)
    ]
    if unfiltered:  # plain back-projection of these channels is not meant to be a tomogram
        few[0] = (1.0, 1.0)
    assert few[2][0] < few[1][0] < few[0][0]
    assert few[2][1] < few[1][1] < few[0][1]


@pytest.mark.parametrize("step", [1.0, 3.0, 12.0, 40.0])
@pytest.mark.parametrize("thickness", [48, None])
def test_updates_converge_for_any_spacing_and_depth(step: float, thickness: int | None) -> None:
    """More updates leave less of noise unexplained, and never blow it up."""
    angles = np.arange(-60.0, 61, step)
    latents = torch.randn(angles.size, 40, 2, 12)
    left = []
    for count in (1, 4, 8):
        config = dataclasses.replace(CONFIG, image_channels=True, updates=count)
        grid = LatentGrid.of(config, 96, thickness)
        with torch.no_grad():
            volume = LatentTomography(config).back_project(latents, angles, grid)
            left.append(float((re_project(volume, angles, grid) - latents).norm()))
    assert left[2] < left[1] < left[0] < float(latents.norm())


def test_a_volume_that_explains_everything_is_left_alone() -> None:
    config = dataclasses.replace(CONFIG, updates_after=2)
    grid = LatentGrid.of(config, 96, THICKNESS)
    tomography = LatentTomography(config)
    torch.nn.init.ones_(tomography.after)
    volume = torch.randn(config.volume_channels, grid.nz, 3, grid.nx)
    latents = re_project(volume, ANGLES, grid)
    kept = tomography.make_consistent(volume, latents, ANGLES, grid)
    torch.testing.assert_close(kept, volume, atol=1e-4, rtol=0)


def test_updates_behind_the_unet_begin_as_nothing_and_learn() -> None:
    grid = LatentGrid.of(CONFIG, 96, THICKNESS)
    tomography = LatentTomography(CONFIG)
    measured, _ = slab_latents(grid)
    volume = torch.zeros(CONFIG.volume_channels, grid.nz, 2, grid.nx)
    updated = tomography.make_consistent(volume, measured, ANGLES, grid)
    assert torch.equal(updated, volume)
    torch.sum((re_project(updated, ANGLES, grid) - measured) ** 2).backward()
    assert (tomography.after.grad < 0).all()  # a step towards the data lowers the loss


def test_rows_are_problems_of_their_own() -> None:
    """Bands of rows bound the memory and change nothing."""
    grid = LatentGrid.of(CONFIG, 96, THICKNESS)
    latents = torch.randn(ANGLES.size, CONFIG.latent_channels, 70, grid.width)
    tomography = LatentTomography(CONFIG)
    whole = tomography.back_project(latents, ANGLES, grid)
    part = tomography.back_project(latents[:, :, 40:43], ANGLES, grid)
    torch.testing.assert_close(part, whole[:, :, 40:43], atol=1e-5, rtol=1e-4)


def test_older_weights_have_no_updates() -> None:
    """A field that a weights file does not name is one that its network did not have."""
    fields = CONFIG.to_dict()
    del fields["updates"], fields["updates_after"], fields["image_channels"]
    network = LBN(LBNConfig.from_dict(fields))
    newer = ("tomography", "refinement")
    assert not any(name.startswith(newer) for name in network.state_dict())


def test_the_ramp_of_image_channels_ends_at_its_limit() -> None:
    """A wave passes with its frequency, but never with less or more than the limits."""
    config = dataclasses.replace(CONFIG, image_channels=True, ramp_limit=0.1)
    limits = FilterLimits(level=0.02, cap=None)
    position = torch.arange(512.0)
    for period, response in ((256, 0.02), (16, 1 / 16), (4, 0.1)):
        wave = torch.cos(2 * torch.pi * position / period).expand(1, 8, 1, -1)
        middle = slice(128, 384)
        filtered = filter_latents(wave, config, limits=limits)[..., middle]
        torch.testing.assert_close(filtered, response * wave[..., middle], atol=2e-3, rtol=0)


def test_updates_need_weighted_tilts() -> None:
    with pytest.raises(WeightsError, match="mean"):
        LBNConfig(latent_sum="sum")

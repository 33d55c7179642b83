"""The second 3D UNet: it corrects the image channels on a lattice of the specimen."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.network import LBN, LBNConfig, in_bands
from napari_lbn.engine.network.fine_unet import FineUNet, piece_side
from napari_lbn.engine.network.image_channels import image_to_latents
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.subpixels import interleave, to_channels, to_fine

from .disturbed import disturbed

CONFIG = LBNConfig(
    widths=(4, 4, 8, 8, 8),
    groups=(1, 2, 2, 2, 2),
    unet_widths=(8, 8, 8, 8),
    unet_groups=2,
    fine_widths=(4, 6, 8),
)
ANGLES = (-60.0, -30.0, 0.0, 30.0, 60.0)


@pytest.fixture
def grid() -> LatentGrid:
    return LatentGrid.of(CONFIG, 64, 48)


@pytest.fixture
def volume(grid: LatentGrid) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randn(CONFIG.volume_channels, grid.nz, 20, grid.nx, generator=generator)


def test_untrained_it_changes_nothing(volume, grid):
    torch.testing.assert_close(FineUNet(CONFIG)(volume, grid), volume, rtol=0, atol=0)


def test_only_image_channels_in_the_field_of_view_change(volume, grid):
    corrected = disturbed(FineUNet(CONFIG))(volume, grid).detach()
    changed = (corrected != volume).flatten(1).any(dim=1)
    n_image = CONFIG.downsampling * CONFIG.subpixels**2
    assert changed[-n_image:].all()
    assert not changed[:-n_image].any()
    columns = (corrected != volume).any(dim=(0, 1, 2)).nonzero().flatten()
    assert (int(columns[0]), int(columns[-1]) + 1) == (grid.view.start, grid.view.stop)


def test_the_lattice_is_the_image_in_order():
    """Row y of the lattice's channel p is image row 2 y + p, every second column of it."""
    columns = torch.arange(32.0).expand(16, 32)
    rows = torch.arange(16.0)[:, None].expand(16, 32)
    unet = FineUNet(CONFIG)
    for image, along_y in ((columns, False), (rows, True)):
        latents = image_to_latents(image[None, None], CONFIG)
        fine = interleave(latents, CONFIG.subpixels).permute(0, 3, 1, 2)  # as one z layer each
        lattice = unet.to_lattice(fine)
        assert lattice.shape == (2, 1, 8, 16)
        if along_y:
            expected = torch.arange(16.0).view(8, 2).T[:, None, :, None].expand(2, 1, 8, 16)
            torch.testing.assert_close(lattice, expected)
        else:
            steps = lattice[..., 4:12].diff(dim=-1)
            torch.testing.assert_close(steps, torch.full_like(steps, 2.0))


def test_order_and_back(volume):
    unet = FineUNet(CONFIG)
    fine = torch.randn(8, 12, 8, 3)
    torch.testing.assert_close(unet.from_lattice(unet.to_lattice(fine), 8), fine, rtol=0, atol=0)


def test_a_specimen_turned_about_y_is_corrected_alike(volume, grid):
    """By 180 degrees: z and x change their direction, and no tilt tells the two apart."""
    unet = disturbed(FineUNet(CONFIG))
    n, s = unet.n_image, CONFIG.subpixels

    def turned(v: torch.Tensor) -> torch.Tensor:
        image = to_channels(to_fine(v[-n:], s).flip((0, 1)), s)
        return torch.cat([v[:-n].flip((1, 3)), image])

    with torch.inference_mode():
        expected = turned(unet(volume.clone(), grid))
        found = unet(turned(volume), grid)
        assert not torch.allclose(expected, turned(volume), atol=1e-2)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("rows", [None, 2, 64])
def test_pieces_are_the_whole(monkeypatch, rows):
    grid = LatentGrid.of(CONFIG, 160, 16)
    volume = torch.randn(CONFIG.volume_channels, grid.nz, 23, grid.nx)
    unet = disturbed(FineUNet(CONFIG))
    with torch.inference_mode():
        whole = unet(volume.clone(), grid)
        monkeypatch.setattr("napari_lbn.engine.network.fine_unet.PIECE", grid.nz * 4 * 75**2)
        monkeypatch.setattr("napari_lbn.engine.network.fine_unet.MIN_SIDE", 12)
        with in_bands(rows):
            pieces = unet(volume.clone(), grid)
    assert not torch.equal(whole, volume)
    torch.testing.assert_close(pieces, whole, rtol=1e-5, atol=1e-5)


def test_smaller_bands_never_make_larger_pieces():
    sides = [piece_side(100, 4, bands) for bands in (2, 8, 32, 64, 1000, None)]
    assert sides == sorted(sides)
    assert sides[0] < sides[-1]
    assert all(side % 4 == 0 for side in sides)


def test_what_it_depends_on_ends_at_its_reach():
    unet = disturbed(FineUNet(CONFIG)).double()
    lattice = torch.zeros(1, 2, 4, 128, 4, dtype=torch.float64, requires_grad=True)
    unet.corrections(lattice)[0, :, :, 64].sum().backward()
    rows = lattice.grad.abs().sum(dim=(0, 1, 2, 4)).nonzero().flatten()
    assert 64 - unet.reach <= int(rows[0]) < 64 - unet.reach // 2
    assert 64 + unet.reach // 2 < int(rows[-1]) <= 64 + unet.reach


def test_twice_the_contrast_comes_out_twice_as_strong(volume, grid):
    unet = disturbed(FineUNet(CONFIG))
    once, twice = unet(volume, grid), unet(2 * volume, grid)
    n_image = CONFIG.downsampling * CONFIG.subpixels**2
    torch.testing.assert_close(twice[-n_image:], 2 * once[-n_image:], rtol=1e-4, atol=1e-4)


def test_a_whole_network_learns_with_it():
    torch.manual_seed(0)
    network = LBN(CONFIG)
    tilts = torch.randn(5, 1, 32, 64)
    loss = network(tilts, ANGLES, (45.0,), 48).square().mean()
    loss.backward()
    assert network.fine.last.conv.weight.grad.abs().sum() > 0


def test_without_it_the_rest_is_as_it_was():
    torch.manual_seed(0)
    whole = LBN(CONFIG).eval()
    plain = LBN(replace(CONFIG, fine_widths=())).eval()
    plain.load_state_dict({k: v for k, v in whole.state_dict().items() if "fine." not in k})
    tilts = torch.randn(5, 1, 32, 64)
    with torch.inference_mode():
        expected = plain(tilts, ANGLES, (45.0,), 48)
        torch.testing.assert_close(whole(tilts, ANGLES, (45.0,), 48), expected)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"image_channels": False}, "needs image channels"),
        ({"fine_widths": (4, 8)}, "2 levels does not reach from 4 subpixels"),
    ],
)
def test_configurations_that_cannot_be(fields, told):
    with pytest.raises(WeightsError, match=told):
        replace(CONFIG, **fields)

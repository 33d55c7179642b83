"""The network: the paper's numbers, and its geometry."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.encoder import Encoder
from napari_lbn.engine.network.initialise import start_as_back_projection
from napari_lbn.engine.network.latent_filter import ring_weights
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.latent_projection import re_project
from napari_lbn.engine.network.tomography import LatentTomography


def test_encoder_is_that_of_appendix_a2() -> None:
    network = LBN()
    first = [block.first.conv for block in network.encoder]
    second = [block.second.conv for block in network.encoder]
    pattern = [(conv.kernel_size[0], conv.stride[0]) for conv in first]
    assert pattern == [(11, 2), (7, 1), (7, 2), (3, 2), (3, 1)]
    assert all(conv.kernel_size == (3, 3) and conv.stride == (1, 1) for conv in second)
    assert [block.first.norm.num_groups for block in network.encoder] == [1, 4, 4, 8, 8]
    assert all(block.first.slope == 0.5 for block in network.encoder)
    mirrored = [(b.second.conv.kernel_size[0], b.second.conv.stride[0]) for b in network.decoder]
    assert mirrored == pattern[::-1]


def test_unet_is_that_of_appendix_a2() -> None:
    unet = LBN().unet
    down = [unet.down1, unet.down2, unet.down3, unet.down4]
    assert [tuple(unit.stride for unit in block) for block in down] == [
        (1, 1), (1, 2), (1, 1), (1, 2),
    ]  # fmt: skip
    kernels = {m.kernel_size for m in unet.modules() if isinstance(m, nn.Conv3d)}
    assert kernels == {(3, 3, 3)}
    assert {m.num_groups for m in unet.modules() if isinstance(m, nn.GroupNorm)} == {8}


@pytest.mark.parametrize(("strides", "factor"), [((2, 1, 2, 2, 1), 8), ((2, 1, 2, 2, 2), 16)])
def test_downsampling_and_sizes(strides: tuple[int, ...], factor: int) -> None:
    config = LBNConfig(widths=(4, 4, 4, 8, 8), strides=strides, unet_widths=(8, 8, 8, 8))
    network = LBN(config).eval()
    assert config.downsampling == factor
    with torch.no_grad():
        out = network(torch.randn(3, 1, 45, 70), [-30.0, 0.0, 30.0], [75.0, -80.0])
    assert out.shape == (2, 1, 45, 70)


def test_latent_pixel_i_lies_at_image_pixel_8_i(small_config: LBNConfig) -> None:
    """The receptive field of a latent pixel is centred on its image pixel."""
    torch.manual_seed(0)
    encoder = Encoder(small_config).eval()
    for module in encoder.modules():  # linear, non-negative: the centroid is the position
        if isinstance(module, nn.Conv2d):
            module.weight.data.fill_(1.0)
    image = torch.ones(1, 1, 256, 256, requires_grad=True)
    latent = image
    for block in encoder:
        middle = block.first.conv(latent)
        latent = middle + block.second.conv(middle)
    latent[0, :, 16, 15].sum().backward()
    weight = image.grad[0, 0]
    positions = torch.arange(256.0)
    assert float((weight.sum(1) * positions).sum() / weight.sum()) == pytest.approx(128, abs=0.01)
    assert float((weight.sum(0) * positions).sum() / weight.sum()) == pytest.approx(120, abs=0.01)


def test_rotation_axis_in_latent_coordinates() -> None:
    assert LatentGrid.of(LBNConfig(), 128).axis == pytest.approx(127 / 16)
    assert LatentGrid.of(LBNConfig(axis="centre"), 128).axis == pytest.approx(7.5)


@given(
    width=st.integers(16, 3000), wide=st.floats(1, 3), axis=st.sampled_from(["geometry", "centre"])
)
def test_the_view_holds_the_whole_untilted_image(width: int, wide: float, axis: str) -> None:
    """Of voxels that are cut by an edge of the image none is left out, and no further one is in."""
    grid = LatentGrid.of(LBNConfig(volume_width=wide, axis=axis), width)
    first, last = grid.nx / 2 - width / 16, grid.nx / 2 + width / 16
    assert first - 1 < grid.view.start <= first
    assert last <= grid.view.stop < last + 1
    assert grid.view.start == grid.nx - grid.view.stop >= 0


def test_latent_volume_is_square_unless_the_slab_is_known() -> None:
    slab = LatentGrid.of(LBNConfig(), 512, thickness=100)
    assert slab.nx == 128
    assert 100 / 8 <= slab.nz < 24
    for square in (
        LatentGrid.of(LBNConfig(), 100),
        LatentGrid.of(LBNConfig(latent_volume="square"), 100, thickness=30),
    ):
        assert square.nz == square.nx >= 2 * 100 / 8
        assert square.nx % 4 == 0


def plain(config: LBNConfig) -> LatentTomography:
    """The paper's back-projection, without updates."""
    return LatentTomography(
        dataclasses.replace(config, updates=0, updates_after=0, image_channels=False)
    )


def latents_of(profile, subpixels: int, width: int, rows: int = 3) -> torch.Tensor:
    """Latents ``(1, 2 subpixels, rows, width)`` of a profile over image pixels from the axis.

    Sub-pixel p of latent pixel i lies (p - (s - 1) / 2) * 8 / s beside image pixel 8 i.
    """
    position = torch.arange(width * subpixels) * 8 / subpixels - 4 * (subpixels - 1) / subpixels
    values = profile(position - 255 / 2)
    channels = values.reshape(width, subpixels).T.repeat(2, 1)
    return channels[None, :, None, :].expand(1, -1, rows, -1)


@pytest.mark.parametrize("subpixels", [1, 2, 4])
@pytest.mark.parametrize("offset", [0.0, 37.0, 90.0])
def test_latents_survive_back_projection_and_re_projection(offset: float, subpixels: int) -> None:
    """Without the UNet, a compact specimen comes back, however it is turned."""
    config = LBNConfig(subpixels=subpixels, unfiltered=0.0)
    grid = LatentGrid.of(config, 256)
    angles = np.arange(-89.0, 91, 2)

    def blob(angle: float) -> torch.Tensor:
        radians = np.deg2rad(angle - offset)
        centre = 40 * np.cos(radians) + 16 * np.sin(radians)
        sigma = 16 / subpixels**0.5
        return latents_of(lambda q: torch.exp(-((q - centre) ** 2) / (2 * sigma**2)), subpixels, 32)

    latents = torch.cat([blob(a) for a in angles])
    out = re_project(plain(config).back_project(latents, angles, grid), [0.0, 41.0], grid)
    expected = torch.cat([blob(0.0), blob(41.0)])
    assert torch.linalg.norm(out - expected) < 0.05 * torch.linalg.norm(expected)


def test_any_number_of_tilts_gives_one_scale() -> None:
    config = LBNConfig(unfiltered=0.0)
    grid = LatentGrid.of(config, 128)
    latent = torch.exp(-((torch.arange(16.0) - grid.axis) ** 2) / 8).expand(4, 3, -1)
    norms = []
    for step in (1.5, 3.0, 6.0):
        angles = np.arange(-60, 60.1, step)
        volume = plain(config).back_project(latent.expand(len(angles), -1, -1, -1), angles, grid)
        norms.append(float(volume[:, grid.nz // 2, :, grid.nx // 2].norm()))
    assert max(norms) < 1.1 * min(norms)


def test_unfiltered_channels_keep_low_frequencies() -> None:
    """A constant, which the ramp all but removes, is there in the unfiltered channels."""
    config = LBNConfig(unfiltered=0.5, subpixels=1)
    grid = LatentGrid.of(config, 128)
    volume = plain(config).back_project(torch.ones(9, 4, 2, 16), np.arange(-60.0, 61, 15), grid)
    middle = volume[:, grid.nz // 2, 0, grid.nx // 2]
    assert middle[2:].min() > 3 * middle[:2].abs().max()


def test_untrained_network_started_as_wbp_re_projects() -> None:
    """It predicts a hidden tilt of noise-free balls about as WBP does: from geometry alone."""
    torch.manual_seed(0)
    network = LBN().eval()
    start_as_back_projection(network)
    rng = np.random.default_rng(0)
    balls = np.stack([rng.uniform(-40, 40, 30), rng.uniform(8, 88, 30), rng.uniform(-20, 20, 30)])
    rows, columns = np.ogrid[:96, :128]

    def tilt(angle: float) -> torch.Tensor:
        q = balls[0] * np.cos(np.deg2rad(angle)) + balls[2] * np.sin(np.deg2rad(angle))
        image = sum(
            np.exp(-((rows - y) ** 2 + (columns - 63.5 - x) ** 2) / 18)
            for x, y in zip(q, balls[1], strict=True)
        )
        image = (image - image.mean()) / image.std()
        return torch.from_numpy(image.astype(np.float32))[None]

    angles = np.setdiff1d(np.arange(-60.0, 61, 3), [21.0])
    with torch.no_grad():
        out = network(torch.stack([tilt(a) for a in angles]), angles, [21.0], 64)[0, 0]
    both = torch.stack([out.ravel(), tilt(21.0).ravel()])
    assert torch.corrcoef(both)[0, 1] > 0.85


def test_start_as_wbp_needs_its_layout(small_config: LBNConfig) -> None:
    with pytest.raises(WeightsError, match="at least 64"):
        start_as_back_projection(LBN(small_config))


def test_ring_weights_do_not_count_the_wedge_after_wrapping() -> None:
    angles = np.arange(-60.0, 61, 3)
    plain = ring_weights(angles)
    wrapped = (angles + 70 + 90) % 180 - 90
    np.testing.assert_allclose(ring_weights(wrapped), plain, atol=1e-12)
    assert plain.max() == pytest.approx(np.deg2rad(3))


def test_order_of_tilts_does_not_matter(small_network: LBN) -> None:
    tilts, angles = torch.randn(5, 1, 32, 40), np.array([-40.0, -20, 0, 20, 40])
    shuffled = [3, 0, 4, 2, 1]
    a = small_network(tilts, angles, [70.0])
    b = small_network(tilts[shuffled], angles[shuffled], [70.0])
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_parameter(small_config: LBNConfig) -> None:
    torch.manual_seed(0)
    network = LBN(small_config)
    nn.init.normal_(network.unet.up1[1].conv.weight, std=0.1)
    nn.init.normal_(network.refinement.last.conv.weight, std=0.1)
    for unet in (network.fine, network.box):
        nn.init.normal_(unet.last.conv.weight, std=0.1)
    tilts, angles = torch.randn(4, 1, 64, 64), [-45.0, -15, 15, 45]
    network(tilts, angles, [60.0]).square().mean().backward()
    grid = LatentGrid.of(network.config, 64)
    volume = torch.randn(network.config.volume_channels, grid.nz, 8, grid.nx)
    network.box(volume, grid).square().mean().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # a bias in front of a GroupNorm of one channel a group is removed by the normalisation
    assert all(name.endswith("conv.bias") for name in dead)


def test_configuration_round_trip_and_refusals() -> None:
    config = LBNConfig(widths=(8, 8, 8, 8, 32), axis="centre")
    assert LBNConfig.from_dict(config.to_dict()) == config
    with pytest.raises(WeightsError, match="unknown fields: colour"):
        LBNConfig.from_dict({"colour": "red"})
    with pytest.raises(WeightsError, match="do not divide"):
        LBNConfig(widths=(16, 30, 64, 64, 64))

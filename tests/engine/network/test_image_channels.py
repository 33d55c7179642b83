"""The image's way through the latent volume: where it lands, and that nothing goes past it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.image_channels import (
    SHARPEST,
    image_to_latents,
    latents_to_image,
    sharpened,
)

CONFIG = LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8))
ANGLES = np.arange(-60.0, 61, 3)


def spots(x: float, y: float, sigma: float = 3.0, shape: tuple[int, int] = (48, 128)):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    image = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return torch.from_numpy(image.astype(np.float32))[None]


@pytest.mark.parametrize(("downsampling", "subpixels"), [(8, 4), (8, 2), (8, 1), (16, 4)])
def test_an_image_comes_back_where_it_was(downsampling: int, subpixels: int) -> None:
    strides = (2, 1, 2, 2, 2 if downsampling == 16 else 1)
    config = dataclasses.replace(CONFIG, strides=strides, subpixels=subpixels)
    image = spots(71.3, 21.0, sigma=8.0)[None]
    latents = image_to_latents(image, config)
    assert latents.shape == (1, config.tilt_channels - 8, 48 // downsampling, 128 // downsampling)
    back = latents_to_image(latents, config)
    assert back.shape == image.shape
    columns = torch.arange(128.0)
    centroid = float((back.sum((0, 1, 2)) * columns).sum() / back.sum())
    assert centroid == pytest.approx(71.3, abs=0.05)
    blur = downsampling / subpixels / 8.0  # of half a step, on a spot of 8 pixels
    assert torch.linalg.norm(back - image) < (0.05 + 0.5 * blur) * torch.linalg.norm(image)


def test_a_constant_image_stays_constant_to_its_edges() -> None:
    back = latents_to_image(image_to_latents(torch.full((2, 1, 16, 40), 3.0), CONFIG), CONFIG)
    torch.testing.assert_close(back, torch.full((2, 1, 16, 40), 3.0))


@pytest.mark.parametrize("target", [-31.5, 1.5, 40.5])
def test_a_point_lands_where_geometry_says(target: float) -> None:
    """q = x cos + z sin at an angle that was not measured, by the image's way alone."""
    torch.manual_seed(0)
    network = LBN(CONFIG).eval()
    x, z, axis = 22.0, -15.0, 127 / 2

    def q(angle: float) -> float:
        return axis + x * np.cos(np.deg2rad(angle)) + z * np.sin(np.deg2rad(angle))

    tilts = torch.stack([spots(q(a), 24.0) for a in ANGLES])
    with torch.no_grad():
        out = network(tilts, ANGLES, [target], 64)[0, 0]
    profile = out[20:29].sum(0).clamp_min(0) ** 2
    found = float((profile * torch.arange(128.0)).sum() / profile.sum())
    assert found == pytest.approx(q(target), abs=0.5)


def test_nothing_goes_past_the_latent_volume() -> None:
    """With an empty latent volume every tilt is the same, whatever was measured."""
    torch.manual_seed(0)
    network = LBN(CONFIG).eval()
    torch.nn.init.normal_(network.refinement.last.conv.weight)
    latents = torch.zeros(2, CONFIG.tilt_channels, 4, 8)
    with torch.no_grad():
        out = network.decode(latents, (32, 64))
    torch.testing.assert_close(out[0], out[1])


def test_refinement_begins_as_nothing() -> None:
    network = LBN(CONFIG).eval()
    image, decoded = torch.randn(2, 1, 24, 24), torch.randn(2, 1, 24, 24)
    with torch.no_grad():
        assert torch.equal(network.refinement(image, decoded), image)


def test_subpixels_must_divide_the_rows() -> None:
    with pytest.raises(WeightsError, match="divide"):
        LBNConfig(widths=(4, 8, 8, 8, 24), subpixels=3)


@pytest.mark.parametrize("half_periods", [0, 5, 20, 40, 63])
def test_sharpening_undoes_the_lattice_up_to_a_limit(half_periods: int) -> None:
    """Cosines whose mirror images go on: a Gaussian of half a step, and a triangle of one."""
    config, width = LBNConfig(), 64
    step = config.downsampling // config.subpixels
    frequency = half_periods / (2 * width)
    wave = torch.cos(torch.pi * half_periods * (torch.arange(width) + 0.5) / width)
    gaussian = np.exp(-2 * (np.pi * frequency * step / 2) ** 2)
    at = np.linspace(-1, 1, 4001)
    triangle = np.mean((1 - abs(at)) * np.cos(2 * np.pi * frequency * step * at)) * 2
    expected = min(1 / (gaussian * triangle), SHARPEST) * wave
    found = sharpened(wave.expand(2, 1, 3, width), config)
    torch.testing.assert_close(found[1, 0, 2], expected.float(), rtol=1e-3, atol=1e-4)

"""Small networks and specimens that the engine's tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries


@pytest.fixture(scope="session")
def small_config() -> LBNConfig:
    """The paper's layout with few channels."""
    return LBNConfig(
        widths=(4, 8, 8, 8, 8),
        unet_widths=(8, 8, 8, 8),
        fine_widths=(4, 4, 8),
        box_widths=(4, 4, 8),
    )


@pytest.fixture
def small_network(small_config: LBNConfig) -> LBN:
    """Untrained, but its UNets do something."""
    torch.manual_seed(1)
    network = LBN(small_config).eval().requires_grad_(False)
    torch.nn.init.normal_(network.unet.up1[1].conv.weight, std=0.1)
    for unet in (network.fine, network.box):
        torch.nn.init.normal_(unet.last.conv.weight, std=0.1)
    return network


@pytest.fixture
def small_weights(small_network: LBN, tmp_path: Path) -> Path:
    """The small network as a weights file for 8 to 20 Å."""
    path = tmp_path / "small.safetensors"
    save_weights(path, small_network, name="small", pixel_sizes=(8.0, 20.0), summary={})
    return path


@pytest.fixture
def small_series() -> TiltSeries:
    """13 tilts of counts whose mean falls with the angle as those of a real series."""
    rng = np.random.default_rng(3)
    angles = np.arange(-60.0, 61, 10)
    mean = 40 * np.exp(-0.5 / np.cos(np.deg2rad(angles)))
    images = mean[:, None, None] * (1 + 0.1 * rng.standard_normal((13, 44, 52)))
    return TiltSeries.from_array(
        images.astype(np.float32), angles, pixel_size=10.0, name="small series"
    )

"""What a job will cost, estimated before it starts."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from .device import choose_device
from .network.config import LBNConfig
from .network.latent_projection import LatentGrid, round_up
from .network.unet3d import MULTIPLE

WBP_UPDATES_A_SECOND = {"cpu": 2.0e9, "cuda": 5.0e10, "mps": 2.0e9}
"""Voxel updates; one for each voxel and tilt. Measured on two CPU cores; others are guesses."""
START_SECONDS = 2.0
HOST_BYTES = 0.8e9
"""Of Python, torch and the network itself."""


def network_operations(
    config: LBNConfig, shape: tuple[int, int], n_visible: int, n_targets: int
) -> float:
    """Multiply-adds of the network, encoder, UNet and decoder.

    Parameters
    ----------
    config : LBNConfig
        Of the network.
    shape : tuple of int
        (y, x) pixels of a tilt.
    n_visible, n_targets : int
        Tilts that are encoded and decoded.
    """
    per_pixel, source, scale = 0.0, 1, 1
    rows = zip(config.widths, config.kernels, config.strides, strict=True)
    for width, kernel, stride in rows:
        scale *= stride
        per_pixel += (source * width * kernel**2 + width * width * 9) / scale**2
        source = width
    pixels = shape[0] * shape[1]
    grid = LatentGrid.of(config, shape[1])
    voxels = grid.nx * grid.nz * round_up(-(-shape[0] // config.downsampling), MULTIPLE)
    d, (a, b, c, e) = config.volume_channels, config.unet_widths
    fine = d * a + a * a + a * b + b * a + 2 * a * a + a * d
    half = b * b + b * c + c * c + c * e + e * c + 2 * c * c + c * b + b * b
    return per_pixel * pixels * (n_visible + n_targets) + 27 * voxels * (fine + half / 8)


@lru_cache(maxsize=4)
def convolution_speed(device: str) -> float:
    """Multiply-adds a second of this device, measured on one small convolution."""
    import torch

    layer = torch.nn.Conv2d(32, 32, 7, padding=3).to(device)
    image = torch.randn(1, 32, 128, 128, device=device)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(3):
            start = time.perf_counter()
            layer(image).sum().item()
            best = min(best, time.perf_counter() - start)
    return 32 * 32 * 49 * 128 * 128 / best


def estimate_seconds(
    config: dict[str, Any],
    shape: tuple[int, int],
    thickness: int,
    counts: tuple[int, int, int],
    device: str,
) -> float:
    """Seconds of a whole correction.

    Parameters
    ----------
    config : dict
        Fields of `LBNConfig`.
    shape : tuple of int
        (y, x) working pixels.
    thickness : int
        Pixels.
    counts : tuple of int
        Tilts measured, synthesized, and decoded in all.
    device : str
        As the user gave it.
    """
    chosen = choose_device(device)
    measured, new, decoded = counts
    work = network_operations(LBNConfig.from_dict(config), shape, measured, decoded)
    updates = thickness * shape[0] * shape[1] * (measured + new)
    seconds = work / convolution_speed(str(chosen)) + updates / WBP_UPDATES_A_SECOND[chosen.type]
    return START_SECONDS + seconds


def estimate_memory(thickness: int, shape: tuple[int, int], n_images: int, volumes: int = 2) -> int:
    """Bytes of host memory of a correction that keeps its tomograms and all tilts."""
    pixels = shape[0] * shape[1]
    return int(HOST_BYTES + 4 * pixels * ((volumes + 0.5) * thickness + n_images))

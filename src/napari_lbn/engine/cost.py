"""What a job will cost, estimated before it starts."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from .device import choose_device, default_memory_bound
from .network.box_unet import INPUTS
from .network.config import LBNConfig
from .network.latent_projection import LatentGrid, round_up
from .network.unet3d import MULTIPLE
from .tiling import HOST_BYTES, beside_jackknife, beside_network, choose_tiling, peak_memory

WBP_UPDATES_A_SECOND = {"cpu": 2.0e9, "cuda": 5.0e10, "mps": 2.0e9}
"""Voxel updates; one for each voxel and tilt. Measured on two CPU cores; others are guesses."""
START_SECONDS = 2.0
CHANNELS, KERNEL = 32, 7
CPU_SIZE, GPU_SIZE = 48, 128
"""Pixels of the image convolved: small against interruptions, or large enough to fill a card."""
CPU_SHARE = 0.8
"""Whole layers run at this part of the small image's speed, which stays in the cache."""
REPEATS = 20
LONG_ENOUGH = 0.2
"""Seconds: other programs may keep a core for as long as a twentieth of one."""
NETWORK_SHARE = 0.4
"""Of a convolution's speed at which the whole network runs, norms and memory traffic included."""


def network_operations(
    config: LBNConfig,
    shape: tuple[int, int],
    n_visible: int,
    n_targets: int,
    thickness: int | None = None,
    jackknife: int = 0,
) -> float:
    """Multiply-adds of the network's convolutions in use: encoder, UNets, decoder and refinement.

    Parameters
    ----------
    config : LBNConfig
        Of the network.
    shape : tuple of int
        (y, x) pixels of a tilt.
    n_visible, n_targets : int
        Tilts that are encoded and decoded.
    thickness : int, optional
        Pixels; bounds the latent volume where the weights' is a slab.
    jackknife : int
        Further latent volumes that are made.
    """
    per_pixel, source, scale = 0.0, 1, 1
    rows = zip(config.widths, config.kernels, config.strides, strict=True)
    for width, kernel, stride in rows:
        scale *= stride
        per_pixel += (source * width * kernel**2 + width * width * 9) / scale**2
        source = width
    pixels = shape[0] * shape[1]
    grid = LatentGrid.of(config, shape[1], thickness)
    voxels = grid.nx * grid.nz * round_up(-(-shape[0] // config.downsampling), MULTIPLE)
    d, (a, b, c, e) = config.volume_channels, config.unet_widths
    fine = d * a + a * a + a * b + b * a + 2 * a * a + a * d
    half = b * b + b * c + c * c + c * e + e * c + 2 * c * c + c * b + b * b
    w = config.refinement_width
    refined = n_targets * (2 * w * 7**2 + (w * w + w) * 5**2) if config.image_channels else 0
    tilts = per_pixel * (n_visible + n_targets) + refined
    unets = 27 * voxels * (fine + half / 8)
    # in use, the second UNet corrects a volume and the same volume turned
    unets += 2 * fine_operations(config, shape[0], grid)
    unets *= 1 + jackknife
    unets += box_operations(config, shape[0], grid)
    return tilts * pixels + unets


def fine_operations(config: LBNConfig, height: int, grid: LatentGrid) -> float:
    """Multiply-adds of one pass of the second 3D UNet (`network.fine_unet`), if there is one."""
    widths = config.fine_widths
    if not widths:
        return 0.0
    step = config.downsampling // config.subpixels
    rows = round_up(height, config.downsampling) / step
    voxels = config.subpixels**2 * grid.nz * grid.width * rows
    return voxels * _lattice_operations(step, step, widths)


def box_operations(config: LBNConfig, height: int, grid: LatentGrid) -> float:
    """Multiply-adds of the 3D UNet of the box (`network.box_unet`); none where there is none."""
    widths = config.box_widths
    if not widths:
        return 0.0
    rows, width = (
        round_up(n, 2 ** (len(widths) - 1)) for n in (-(-height // config.downsampling), grid.width)
    )
    return grid.nz * rows * width * _lattice_operations(INPUTS, 1, widths)


def _lattice_operations(n_in: int, n_out: int, widths: tuple[int, ...]) -> float:
    """Multiply-adds of a `network.lattice_unet` for each voxel."""
    work = float(n_in + n_out) * widths[0]
    for level, width in enumerate(widths[:-1]):
        # a stride of 2 and its mirror: each an eighth of the taps of a layer at this level
        work += (2 * width**2 + 2 * width * widths[level + 1] / 8) / 8**level
    return 27 * (work + widths[-1] ** 2 / 8 ** (len(widths) - 1))


@lru_cache(maxsize=4)
def convolution_speed(device: str) -> float:
    """Multiply-adds a second of this device when nothing else runs on it.

    Measured once, as the fastest of many convolutions. On a CPU each takes so short a time that
    some go through between two interruptions by other programs: on a machine with seven times
    as much to do as it has cores, the result was within 15 % of the idle one, where the best of
    three longer ones was a tenth of it.
    """
    import torch

    on_cpu = device.startswith("cpu")
    size, share = (CPU_SIZE, CPU_SHARE) if on_cpu else (GPU_SIZE, 1.0)
    layer = torch.nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=KERNEL // 2).to(device)
    image = torch.randn(1, CHANNELS, size, size, device=device)
    times: list[float] = []
    with torch.inference_mode():
        while len(times) < REPEATS or sum(times) < LONG_ENOUGH:
            start = time.perf_counter()
            layer(image).sum().item()
            times.append(time.perf_counter() - start)
    return share * CHANNELS**2 * KERNEL**2 * size**2 / min(times)


def estimate_seconds(
    config: dict[str, Any],
    shape: tuple[int, int],
    thickness: int,
    counts: tuple[int, int, int],
    device: str,
    *,
    jackknife: int = 0,
    mirrored: bool = False,
) -> float:
    """Seconds of a whole correction on an otherwise idle machine; see `likely_range`.

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
    jackknife : int
        Groups of tilts left out in turn.
    mirrored : bool
        Whether all of it is done again with mirrored tilts.
    """
    chosen = choose_device(device)
    measured, new, decoded = counts
    network = LBNConfig.from_dict(config)
    work = network_operations(network, shape, measured, decoded, thickness, jackknife)
    work *= 1 + mirrored
    speed = NETWORK_SHARE * convolution_speed(str(chosen))
    updates = thickness * shape[0] * shape[1] * (measured + new)
    seconds = work / speed + updates / WBP_UPDATES_A_SECOND[chosen.type]
    return START_SECONDS + seconds


def network_memory(
    config: dict[str, Any],
    shape: tuple[int, int],
    thickness: int,
    n_visible: int,
    n_targets: int,
    *,
    device: str,
    bound: int | None = None,
    jackknife: int = 0,
) -> int:
    """Bytes of host memory that the network will take, in the pieces that its bound asks for.

    Parameters
    ----------
    config : dict
        Fields of `LBNConfig`.
    shape : tuple of int
        (y, x) working pixels.
    thickness : int
        Pixels.
    n_visible, n_targets : int
        Tilts that are encoded and decoded.
    device : str
        As the user gave it; what a graphics card holds is not counted.
    bound : int or None
        Bytes; None for what synthesis takes by itself.
    jackknife : int
        Groups of tilts left out in turn.

    Raises
    ------
    MemoryBoundError
        Not even the smallest pieces fit.
    """
    chosen, network = choose_device(device), LBNConfig.from_dict(config)
    beside = beside_network(
        shape, n_visible, n_targets, device=chosen.type, whole=bound is not None
    )
    grid = LatentGrid.of(network, shape[1], thickness)
    more = beside_jackknife(network, shape, grid, n_visible) if jackknife else 0
    tiling = choose_tiling(
        network,
        shape,
        grid,
        n_visible=n_visible,
        bound=bound or default_memory_bound(chosen),
        device=chosen.type,
        beside=beside + more,
    )
    if chosen.type == "cuda":
        return 0
    return more + peak_memory(network, shape, grid, n_visible, tiling, chosen.type)


def estimate_memory(thickness: int, shape: tuple[int, int], n_images: int, volumes: int = 2) -> int:
    """Bytes of a correction without the network's own: all tilts, and the tomograms it keeps."""
    pixels = shape[0] * shape[1]
    kept = (volumes + 0.5) * thickness if volumes else 0
    return int(HOST_BYTES + 4 * pixels * (kept + n_images))

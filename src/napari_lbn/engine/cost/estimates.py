"""What a job will cost, estimated before it starts."""

from __future__ import annotations

from typing import Any

from ..device import choose_device, default_memory_bound
from ..network.config import LBNConfig
from ..network.latent_grid import LatentGrid
from .choice import choose_tiling
from .memory import HOST_BYTES, beside_jackknife, beside_network, peak_memory
from .operations import network_operations
from .speed import convolution_speed

WBP_UPDATES_A_SECOND = {"cpu": 2.0e9, "cuda": 5.0e10, "mps": 2.0e9}
"""Voxel updates; one for each voxel and tilt. Measured on two CPU cores; others are guesses."""
START_SECONDS = 2.0
NETWORK_SHARE = 0.4
"""Of a convolution's speed at which the whole network runs, norms and memory traffic included."""


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
    """Seconds of a whole correction on an otherwise idle machine; see `load.likely_range`.

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

"""What a job will cost, estimated before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..device import choose_device, default_memory_bound
from ..network.config import LBNConfig
from ..network.latent_grid import LatentGrid
from .choice import choose_tiling
from .memory import HOST_BYTES, beside_jackknife, beside_network, peak_memory
from .operations import making_operations, network_operations
from .speed import convolution_speed

WBP_UPDATES_A_SECOND = {"cpu": 2.0e9, "cuda": 5.0e10, "mps": 2.0e9}
"""Voxel updates; one for each voxel and tilt. Measured on two CPU cores; others are guesses."""
START_SECONDS = 2.0
NETWORK_SHARE = 0.4
"""Of a convolution's speed at which the whole network runs, norms and memory traffic included."""


@dataclass(frozen=True, kw_only=True)
class CorrectionWork:
    """How much a correction has to do.

    Attributes
    ----------
    shape : tuple of int
        (y, x) working pixels.
    thickness : int
        Pixels.
    measured, synthesized, decoded : int
        Tilts; the last of whatever leaves the decoder.
    looks : int
        Measured tilts that are re-projected to see how noisy they are.
    jackknife : int
        Groups of tilts left out in turn.
    mirrored : bool
        Whether all of it is done again with mirrored tilts.
    """

    shape: tuple[int, int]
    thickness: int
    measured: int
    synthesized: int
    decoded: int
    looks: int = 0
    jackknife: int = 0
    mirrored: bool = False


def estimate_seconds(config: dict[str, Any], work: CorrectionWork, device: str) -> float:
    """Seconds of a whole correction on an otherwise idle machine; see `load.likely_range`.

    Parameters
    ----------
    config : dict
        Fields of `LBNConfig`.
    work : CorrectionWork
        Of the whole correction.
    device : str
        As the user gave it.
    """
    operations = network_operations(
        LBNConfig.from_dict(config),
        work.shape,
        work.measured,
        work.decoded + work.looks,
        work.thickness,
        work.jackknife,
    )
    updates = work.thickness * work.shape[0] * work.shape[1] * (work.measured + work.synthesized)
    seconds = updates / WBP_UPDATES_A_SECOND[choose_device(device).type]
    return START_SECONDS + seconds + _network_seconds(operations, work, device)


def second_encoding_seconds(config: dict[str, Any], work: CorrectionWork, device: str) -> float:
    """Seconds that tilts take beside these which turn out noisy; as `estimate_seconds`."""
    if not work.looks:
        return 0.0
    operations = making_operations(
        LBNConfig.from_dict(config), work.shape, work.measured, work.thickness, work.jackknife
    )
    return _network_seconds(operations, work, device)


def _network_seconds(operations: float, work: CorrectionWork, device: str) -> float:
    speed = NETWORK_SHARE * convolution_speed(str(choose_device(device)))
    return operations * (1 + work.mirrored) / speed


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

"""What a training will cost, told before it starts.

The network's parts run on torch's meta device, which computes nothing but knows every
tensor that would be kept for the gradient. Multiplications are counted as for a correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..cost.memory import HOST_BYTES
from ..cost.operations import fine_operations, network_operations
from ..cost.speed import convolution_speed
from ..device import choose_device
from ..network import LBN, LBNConfig
from ..network.critic import PatchCritic
from ..network.latent_grid import LatentGrid, round_up
from ..network.unet3d import MULTIPLE
from .optimisation.passes import TOGETHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .examples.draw import TrainingSeries
    from .settings import TrainingSettings

PARAMETER_BYTES = 20
"""Weights, gradients, two moments of Adam, running average."""
VISIBLE_SHARE = 0.7
"""Mean share of the tilts that the masks leave visible."""
HALF = 0.75
"""Half precision keeps convolutions at 2 bytes a value, GroupNorm and projections at 4."""
TAPS = 2.5
"""Entries of the projection matrix for each voxel and tilt, both footprints' mean."""
CRITIC_COPIES = 4
"""Activations that the critic's step keeps: measured, predicted, between, second derivative."""
CRITIC_PASSES = 5
"""Passes with gradients: the network's, measured and predicted tilts, and the penalty twice."""
EXAMPLE_SECONDS = {"cpu": 0.25}
"""What an example takes beside its multiply-adds, however small it is: drawing it, the matrices of
its angles, many small layers, Adam. Measured on one thread, 0.2 to 0.35 s; elsewhere not."""


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """Estimates.

    Attributes
    ----------
    operations : float
        Multiply-adds of one example's forward pass.
    activation_bytes : float
        Kept for one example's gradient.
    memory_bytes : int
        On the device in all.
    seconds_per_step : float
        Of one optimizer step.
    """

    operations: float
    activation_bytes: float
    memory_bytes: int
    seconds_per_step: float


def estimate_training(
    config: LBNConfig, series: Sequence[TrainingSeries], settings: TrainingSettings
) -> TrainingCost:
    """Estimate time and memory for the largest series of a training.

    Parameters
    ----------
    config : LBNConfig
        Of the network.
    series : sequence of TrainingSeries
        What it trains on.
    settings : TrainingSettings
        Crop, precision, recomputation, critic.
    """
    crop, wanted = settings.examples.crop, settings.examples.n_targets
    costs = []
    for shape in {tuple(one.tilts.shape) for one in series}:
        n, height, width = shape
        size = (min(height, crop), min(width, crop))
        visible = max(round(VISIBLE_SHARE * n), 2)
        targets = min(wanted or n, n)
        costs.append(example_cost(config, size, visible, targets, settings))
    operations, kept = (max(values) for values in zip(*costs, strict=True))
    device = choose_device(settings.device)
    with torch.device("meta"):
        n_parameters = LBN(config).n_parameters()
    memory = kept * (HALF if settings.precision != "float32" else 1) + PARAMETER_BYTES * (
        n_parameters
    )
    if device.type == "cpu":
        memory += HOST_BYTES
    passes = 4 if settings.recompute else 3  # the backward pass costs two forward ones
    seconds = passes * operations / convolution_speed(str(device))
    seconds += EXAMPLE_SECONDS.get(device.type, 0.0)
    return TrainingCost(
        operations=operations,
        activation_bytes=kept,
        memory_bytes=int(memory),
        seconds_per_step=settings.accumulate * seconds,
    )


@lru_cache(maxsize=64)
def example_cost(
    config: LBNConfig,
    size: tuple[int, int],
    n_visible: int,
    n_targets: int,
    settings: TrainingSettings,
) -> tuple[float, float]:
    """Multiply-adds of the forward pass, and bytes kept for its gradient, in float32.

    Parameters
    ----------
    config : LBNConfig
        Of the network.
    size : tuple of int
        (y, x) pixels.
    n_visible, n_targets : int
        Tilts encoded and decoded.
    settings : TrainingSettings
        Recomputation and critic.
    """
    d = config.downsampling
    height, width = (round_up(n, d) // d for n in size)
    grid = LatentGrid.of(config, size[1])
    with torch.device("meta"):
        network = LBN(config)
    latent = (1, config.tilt_channels, height, width)
    volume = (config.volume_channels, grid.nz, round_up(height, MULTIPLE), grid.nx)
    whole = height * d, width * d
    encoding = _kept(network.encode, (1, 1, *whole))
    decoding = _kept(lambda latents: network.decode(latents, whole), latent)
    correcting = _kept(network.correct, volume)
    operations = network_operations(config, whole, n_visible, n_targets)
    operations -= fine_operations(config, whole[0], grid)  # one pass only, where gradients are kept
    operations += _projections(config, grid, height, (n_visible, n_targets))
    kept = encoding * n_visible + decoding * n_targets + correcting
    if settings.recompute:
        kept = max(encoding * settings.recompute, decoding * settings.recompute, correcting)
    if network.fine is not None:
        fine = network.fine
        kept += _kept(lambda volume: fine(volume, grid), volume)
    if settings.critic.weight:
        with torch.device("meta"):
            critic = PatchCritic(settings.critic.channels, settings.critic.groups)
        layers = [layer for layer in critic.modules() if isinstance(layer, torch.nn.Conv2d)]
        work = size[0] * size[1] * sum(layer.weight.numel() for layer in layers)
        operations += CRITIC_PASSES * work * n_targets
        at_once = _kept(critic, (1, 1, *size)) * min(TOGETHER, n_targets)
        # the network's activations are gone when the critic learns
        kept = max(kept + at_once, CRITIC_COPIES * at_once)
    return operations, kept


def _projections(config: LBNConfig, grid: LatentGrid, rows: int, counts: tuple[int, int]) -> float:
    """Multiply-adds of the latent tomography: back-projection, updates, re-projection."""
    visible, targets = counts
    updates = config.updates + config.updates_after
    passes = visible * (1 + 2 * updates) + targets
    fine = grid.subpixels**2 * grid.nx * grid.nz * rows * config.tilt_channels / grid.subpixels
    # an example whose slab is turned has one round; which those are is drawn
    rounds = 2 if config.coarse_sideways else 1
    coarse = 2 * visible * config.coarse_updates * rounds if config.coarse_sigma else 0
    # one channel, at half the sampling along x and z
    coarse_voxels = fine * config.subpixels / config.tilt_channels / 4
    return TAPS * (passes * fine + coarse * coarse_voxels)


def _kept(stage: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> float:
    """Bytes that a stage keeps for the gradient."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = tensor.numel() * tensor.element_size()
        return tensor

    image = torch.empty(shape, device="meta", requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        out = stage(image)
    del out
    return float(sum(kept.values()))

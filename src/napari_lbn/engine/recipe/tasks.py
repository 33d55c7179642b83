"""What the UNets of details and of the box learn: examples of a file, and the error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ..training.optimisation.precision import fastest_precision

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

    from ..network.box_unet import BoxUNet
    from ..network.fine_unet import FineUNet

CROP = (32, 40, 40)
"""Voxels of the lattice along z, y and x, multiples of the latents' step."""
EDGE = 4
"""Voxels in y and x that the loss leaves out: the box fades there."""
SLOW = 6.0
"""Sigma, in voxels, of what changes slowly, which is settled elsewhere."""
SLOW_SHARE = 0.9
"""How much of its error does not count."""
ROW_AXIS = 2

Example: TypeAlias = tuple[Tensor, ...]


class Task(Protocol):
    """What a UNet learns."""

    def read(self, path: Path) -> Example:
        """What is kept of a file."""

    def drawn(self, example: Example, rng: Generator) -> Example:
        """A random part of it, mirrored at random."""

    def loss(self, unet: Any, example: Example) -> Tensor:
        """Squared error after the correction of its kind of UNet, relative to the truth's power."""


class DetailsTask:
    """Lattices ``(D / s, z, y, x)`` of the image channels and of the truth, in half precision.

    The loss is the error of the corrected volume, without nine tenths of what changes slowly.
    """

    def __init__(self, unet: FineUNet) -> None:
        self._unet = unet

    def read(self, path: Path) -> Example:
        """Both lattices, the image's standard deviation being 1."""
        found = load_file(path)
        image, truth = (self._unet.to_lattice(found[k].float()) for k in ("image", "truth"))
        scale = image.std()
        return (image / scale).half(), (truth / scale).half()

    def drawn(self, example: Example, rng: Generator) -> Example:
        """A random crop, mirrored at random; float32."""
        step = self._unet.subpixels
        here: list[slice] = []
        for size, wanted in zip(example[0].shape[1:], CROP, strict=True):
            length = min(wanted, size)
            first = step * int(rng.integers((size - length) // step + 1))
            here.append(slice(first, first + length))
        # a voxel's channels are consecutive rows: they change places with the rows
        axes = [axis for axis in (1, ROW_AXIS, 3) if rng.random() < 0.5]
        axes += [0] if ROW_AXIS in axes else []
        image, truth = (v[(slice(None), *here)].float().flip(axes) for v in example)
        return image, truth

    def loss(self, unet: FineUNet, example: Example) -> Tensor:
        """Squared error after the correction, relative to the truth's power."""
        image, truth = (v.float() for v in example)
        with half_precision(image.device):
            correction = unet.corrections(image[None])[0]
        error = image + correction.float() - truth
        inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
        left, power = (v - SLOW_SHARE * slow(v) for v in (error, truth))
        return left[inner].square().mean() / power[inner].square().mean()


class BoxTask:
    """Mean and spread ``(z, y, x)`` of the image in each latent voxel, and the truth's mean."""

    def read(self, path: Path) -> Example:
        """All three."""
        found = load_file(path)
        return found["mean"], found["spread"], found["true_mean"]

    def drawn(self, example: Example, rng: Generator) -> Example:
        """Mirrored at random."""
        axes = [axis for axis in range(3) if rng.random() < 0.5]
        return tuple(v.flip(axes) for v in example)

    def loss(self, unet: BoxUNet, example: Example) -> Tensor:
        """Squared error of the means, relative to the truth's power."""
        mean, spread, truth = example
        with half_precision(mean.device):
            change = unet.change(mean, spread)
        corrected = mean + interpolated(change.float())
        return (corrected - truth).square().mean() / truth.square().mean()


def half_precision(device: torch.device) -> torch.autocast:
    """Convolutions in bfloat16, where the device is faster with it."""
    faster = fastest_precision(str(device)) == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=faster)


def slow(volume: Tensor) -> Tensor:
    """What changes slowly in ``(n, z, y, x)``: a Gaussian low-pass."""
    radius = math.ceil(2.5 * SLOW)
    at = torch.arange(-radius, radius + 1, device=volume.device)
    taps = torch.exp(-0.5 * (at / SLOW) ** 2)
    taps = taps / taps.sum()
    low = volume[:, None]
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = -1
        sides = [0] * 6
        sides[2 * (2 - axis)] = sides[2 * (2 - axis) + 1] = radius
        low = functional.conv3d(functional.pad(low, sides, mode="replicate"), taps.view(shape))
    return low[:, 0]


def interpolated(change: Tensor) -> Tensor:
    """What each latent voxel's mean becomes by interpolation to the image's lattice."""
    for axis, size in enumerate(change.shape):
        at = torch.arange(size, device=change.device)
        before = change.index_select(axis, (at - 1).clamp_min(0))
        after = change.index_select(axis, (at + 1).clamp_max(size - 1))
        change = 0.75 * change + 0.125 * (before + after)
    return change

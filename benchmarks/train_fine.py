"""Train the second 3D UNet alone, on latent volumes beside the truth (`fine_volumes.py`).

    python benchmarks/train_fine.py VOLUMES --validation VALIDATION --weights fast \
        --out fine.safetensors [--minutes 60]

Everything else stays as it is, so the weights without the second UNet are those that it began
with. A step costs a tenth of one through the whole network. The loss is the squared error of
the corrected volume, relative to the truth's power, without nine tenths of what changes slowly,
which is settled elsewhere. Volumes are mirrored at random. Those that are still being written
are picked up on the way; started again with the same --out, it goes on from the last report.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional
from volume_training import Example, options, start, train

from napari_lbn.engine.io.weights import find_weights

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

    from napari_lbn.engine.network.fine_unet import FineUNet

CROP = (32, 40, 40)
"""Voxels of the lattice along z, y and x, multiples of the latents' step."""
EDGE = 4
"""Voxels in y and x that the loss leaves out: the box fades there."""
SLOW = 6.0
"""Sigma, in voxels, of what changes slowly, and how much of its error does not count."""
SLOW_SHARE = 0.9
ROW_AXIS = 2


class Fine:
    """Lattices ``(2, z, y, x)`` of the image channels and of the truth, in half precision."""

    def __init__(self, unet: FineUNet) -> None:
        self.unet = unet

    def read(self, path: Path) -> Example:
        """Both lattices, the image's standard deviation being 1."""
        found = torch.load(path)
        image, truth = (self.unet.to_lattice(found[k].float()) for k in ("image", "truth"))
        scale = image.std()
        return (image / scale).half(), (truth / scale).half()

    def drawn(self, example: Example, rng: Generator) -> Example:
        """A random crop, mirrored at random; float32."""
        step = self.unet.subpixels
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
        with torch.autocast("cpu", torch.bfloat16):
            correction = unet.corrections(image[None])[0]
        error = image + correction.float() - truth
        inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
        left, power = (v - SLOW_SHARE * slow(v) for v in (error, truth))
        return left[inner].square().mean() / power[inner].square().mean()


def slow(volume: Tensor) -> Tensor:
    """What changes slowly in ``(n, z, y, x)``: a Gaussian low-pass."""
    radius = math.ceil(2.5 * SLOW)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / SLOW) ** 2)
    taps = taps / taps.sum()
    low = volume[:, None]
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = -1
        sides = [0] * 6
        sides[2 * (2 - axis)] = sides[2 * (2 - axis) + 1] = radius
        low = functional.conv3d(functional.pad(low, sides, mode="replicate"), taps.view(shape))
    return low[:, 0]


def main() -> None:
    """Train from what the command line says."""
    given = options(__doc__, weights="fast", widths=(16, 48, 96), minutes=60.0).parse_args()
    network = start(find_weights(given.weights), "fine_widths", tuple(given.widths))
    train(given, network, "fine", Fine(network.fine))


if __name__ == "__main__":
    main()

"""Train the second 3D UNet alone, on latent volumes beside the truth (`fine_volumes.py`).

    python benchmarks/train_fine.py VOLUMES --validation VALIDATION --weights fast \
        --out base.safetensors [--minutes 60]

Everything else stays as it is, so the weights without the second UNet are those that it began
with. A step costs a tenth of one through the whole network. The loss is the squared error of
the corrected volume, relative to the truth's power, without nine tenths of what changes slowly,
which is settled elsewhere. Volumes that are still being written are picked up on the way;
started again with the same --out, it goes on from the last report.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_lbn.engine.io.weights import (
    find_weights,
    load_network,
    read_weights_info,
    save_weights,
)
from napari_lbn.engine.network import LBN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator

    from napari_lbn.engine.network.fine_unet import FineUNet

CROP = (32, 40, 40)
"""Voxels of the lattice along z, y and x, multiples of the latents' step."""
EDGE = 4
"""Voxels in y and x that the loss leaves out: the box fades there."""
SLOW = 6.0
"""Sigma, in voxels, of what changes slowly, and how much of its error does not count."""
SLOW_SHARE = 0.9
WARM_UP, DECAY = 100, 0.999

Pair = tuple[Tensor, Tensor, Tensor]
"""Lattice ``(2, z, y, x)`` of the image channels, that of the truth, and learned channels."""


class Volumes:
    """The pairs of a folder, in half precision; looks for new ones now and then."""

    def __init__(self, folder: Path, unet: FineUNet) -> None:
        self.folder, self.unet = folder, unet
        self.loaded: dict[Path, Pair] = {}

    def refresh(self) -> None:
        """Read what is new."""
        for path in sorted(self.folder.glob("*.pt")):
            if path not in self.loaded:
                found = torch.load(path)
                image = self.unet.to_lattice(found["image"].float())
                truth = self.unet.to_lattice(found["truth"].float())
                scale = image.std()
                self.loaded[path] = (
                    (image / scale).half(),
                    (truth / scale).half(),
                    found["learned"],
                )

    def draw(self, rng: Generator) -> Pair:
        """A random crop of a random pair, float32."""
        pairs = list(self.loaded.values())
        image, truth, learned = pairs[rng.integers(len(pairs))]
        step = self.unet.subpixels
        places = []
        for size, wanted in zip(image.shape[1:], CROP, strict=True):
            length = min(wanted, size)
            first = step * int(rng.integers((size - length) // step + 1))
            places.append(slice(first, first + length))
        coarse = (slice(place.start // step, place.stop // step) for place in places)
        here = (slice(None), *places)
        return image[here].float(), truth[here].float(), learned[(slice(None), *coarse)].float()


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


def loss_of(unet: FineUNet, pair: Pair) -> Tensor:
    """Squared error after the correction, relative to the truth's power."""
    image, truth, learned = pair
    with torch.autocast("cpu", torch.bfloat16):
        correction = unet.corrections(image[None], learned[None])[0]
    error = image + correction.float() - truth
    inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    left, power = (v - SLOW_SHARE * slow(v) for v in (error, truth))
    return left[inner].square().mean() / power[inner].square().mean()


class FineTraining:
    """Network, running average, optimizer and position of a training."""

    def __init__(self, unet: FineUNet, rate: float, minutes: float) -> None:
        self.unet, self.average = unet, copy.deepcopy(unet)
        self.optimizer = torch.optim.Adam(unet.parameters(), lr=rate)
        self.rate, self.minutes, self.spent, self.step_count = rate, minutes, 0.0, 0

    def step(self, pair: Pair) -> float:
        """One step; its loss."""
        began = time.process_time()
        share = min(self.spent / self.minutes, 1)
        warm = min((self.step_count + 1) / WARM_UP, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = max(self.rate * warm * 0.5 * (1 + math.cos(math.pi * share)), 1e-6)
        loss = loss_of(self.unet, pair)
        self.optimizer.zero_grad()
        if torch.isfinite(loss):
            loss.clamp(max=4).backward()
            torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            self.optimizer.step()
        self.step_count += 1
        decay = min(DECAY, (1 + self.step_count) / (10 + self.step_count))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.unet.parameters(), strict=True)
            for mean, new in pairs:
                mean.lerp_(new, 1 - decay)
        self.spent += (time.process_time() - began) / 60
        return float(loss.detach())

    def state(self) -> dict:
        """Everything needed to go on."""
        return {
            "unet": self.unet.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": (self.spent, self.step_count),
        }

    def load(self, state: dict) -> None:
        """Go on from a `state`."""
        self.unet.load_state_dict(state["unet"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.spent, self.step_count = state["position"]


def validated(unet: FineUNet, volumes: Volumes) -> float:
    """Mean loss on whole validation volumes."""
    with torch.inference_mode():
        pairs = volumes.loaded.values()
        return float(np.mean([loss_of(unet, tuple(t.float() for t in pair)) for pair in pairs]))


def reports(training: FineTraining, volumes: Volumes, every: float, seed: int) -> Iterator[dict]:
    """Train; after every so many minutes of processor time, how it goes."""
    losses, reported = [], training.spent
    volumes.refresh()
    while training.spent < training.minutes:
        if training.step_count % 50 == 0:
            volumes.refresh()
        rng = np.random.default_rng((seed, training.step_count))
        losses.append(training.step(volumes.draw(rng)))
        if training.spent - reported > every or training.spent >= training.minutes:
            reported = training.spent
            yield {
                "minutes": round(training.spent, 1),
                "step": training.step_count,
                "volumes": len(volumes.loaded),
                "loss": round(float(np.mean(losses[-200:])), 4),
            }


def start(weights: Path, widths: tuple[int, ...]) -> LBN:
    """The network of these weights, with a second UNet that does nothing yet."""
    known = load_network(read_weights_info(weights))
    if known.fine is not None:
        return known
    network = LBN(replace(known.config, fine_widths=widths))
    network.load_state_dict(known.state_dict(), strict=False)
    return network.eval()


def main() -> None:
    """Train, report, and keep the averaged weights at every report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--validation", type=Path, required=True, help="volumes with --fixed")
    parser.add_argument("--weights", default="fast")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--widths", type=int, nargs="+", default=(16, 48, 96))
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--minutes", type=float, default=60.0, help="of processor time")
    parser.add_argument("--every", type=float, default=3.0, help="minutes between reports")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    path = find_weights(given.weights)
    network = start(path, tuple(given.widths))
    training = FineTraining(network.fine.requires_grad_(True), given.rate, given.minutes)
    checkpoint = given.out.with_suffix(".checkpoint")
    if checkpoint.is_file():
        training.load(torch.load(checkpoint))
    volumes, validation = (
        Volumes(folder, network.fine) for folder in (given.volumes, given.validation)
    )
    validation.refresh()
    print("before", round(validated(training.average, validation), 4), flush=True)
    for row in reports(training, volumes, given.every, given.seed):
        row["validation"] = round(validated(training.average, validation), 4)
        print(json.dumps(row), flush=True)
        network.fine = training.average
        save_weights(
            given.out,
            network,
            name=given.out.stem,
            pixel_sizes=read_weights_info(path).pixel_sizes,
            summary={"trained_on": "simulated specimens", "last": row},
        )
        part = checkpoint.with_suffix(".part")
        torch.save(training.state(), part)
        part.replace(checkpoint)


if __name__ == "__main__":
    main()

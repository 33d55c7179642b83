"""What `train_fine.py` and `train_box.py` share: a UNet alone, on volumes beside the truth."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

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

WARM_UP, DECAY = 100, 0.999
LAST_STEPS = 200

Example = tuple[Tensor, ...]


class Task(Protocol):
    """What is trained: examples of a folder, and how far a UNet is from their truth."""

    def read(self, path: Path) -> Example:
        """What is kept of a file."""

    def drawn(self, example: Example, rng: Generator) -> Example:
        """A random part of it, mirrored at random."""

    def loss(self, unet: nn.Module, example: Example) -> Tensor:
        """Error after the correction, relative to the truth's power."""


class Volumes:
    """The examples of a folder; looks for new ones now and then."""

    def __init__(self, folder: Path, task: Task) -> None:
        self.folder, self.task = folder, task
        self.loaded: dict[Path, Example] = {}

    def refresh(self) -> None:
        """Read what is new."""
        for path in sorted(self.folder.glob("*.pt")):
            if path not in self.loaded:
                self.loaded[path] = self.task.read(path)

    def draw(self, rng: Generator) -> Example:
        """A part of a random one."""
        examples = list(self.loaded.values())
        return self.task.drawn(examples[rng.integers(len(examples))], rng)

    def score(self, unet: nn.Module) -> float:
        """Mean loss on all of them, whole."""
        with torch.inference_mode():
            return float(np.mean([float(self.task.loss(unet, e)) for e in self.loaded.values()]))


class Training:
    """UNet, running average, optimizer and position of a training."""

    def __init__(self, unet: nn.Module, task: Task, given: argparse.Namespace) -> None:
        self.unet, self.task, self.average = unet, task, copy.deepcopy(unet)
        self.optimizer = torch.optim.AdamW(
            unet.parameters(), lr=given.rate, weight_decay=given.weight_decay
        )
        self.rate, self.minutes, self.batch = given.rate, given.minutes, given.batch
        self.spent, self.step_count, self.best = 0.0, 0, math.inf

    def step(self, examples: list[Example]) -> float:
        """One step; its loss."""
        began = time.process_time()
        share = min(self.spent / self.minutes, 1)
        warm = min((self.step_count + 1) / WARM_UP, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = max(self.rate * warm * 0.5 * (1 + math.cos(math.pi * share)), 1e-6)
        losses = [self.task.loss(self.unet, example) for example in examples]
        finite = [loss.clamp(max=4) for loss in losses if torch.isfinite(loss)]
        self.optimizer.zero_grad()
        if finite:
            torch.stack(finite).mean().backward()
            torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            self.optimizer.step()
        self.step_count += 1
        decay = min(DECAY, (1 + self.step_count) / (10 + self.step_count))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.unet.parameters(), strict=True)
            for mean, new in pairs:
                mean.lerp_(new, 1 - decay)
        self.spent += (time.process_time() - began) / 60
        return float(np.mean([float(loss.detach()) for loss in losses]))

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "unet": self.unet.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": (self.spent, self.step_count, self.best),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.unet.load_state_dict(state["unet"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.spent, self.step_count, self.best = state["position"]


def reports(training: Training, volumes: Volumes, given: argparse.Namespace) -> Iterator[dict]:
    """Train; after every so many minutes of processor time, how it goes."""
    losses: list[float] = []
    reported = training.spent
    volumes.refresh()
    while training.spent < training.minutes:
        if training.step_count % 50 == 0:
            volumes.refresh()
        rng = np.random.default_rng((given.seed, training.step_count))
        losses.append(training.step([volumes.draw(rng) for _ in range(training.batch)]))
        if training.spent - reported > given.every or training.spent >= training.minutes:
            reported = training.spent
            yield {
                "minutes": round(training.spent, 1),
                "step": training.step_count,
                "volumes": len(volumes.loaded),
                "loss": round(float(np.mean(losses[-LAST_STEPS:])), 4),
            }


def start(weights: Path, field: str, widths: tuple[int, ...]) -> LBN:
    """The network of these weights; if they have no such UNet, with one that does nothing yet."""
    known = load_network(read_weights_info(weights))
    if getattr(known.config, field):
        return known
    network = LBN(replace(known.config, **{field: widths}))
    network.load_state_dict(known.state_dict(), strict=False)
    return network.eval()


def options(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """Of either script."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--validation", type=Path, required=True, help="volumes with --fixed")
    parser.add_argument("--weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--widths", type=int, nargs="+")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="of processor time")
    parser.add_argument("--every", type=float, default=3.0, help="minutes between reports")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(**defaults)
    return parser


def train(given: argparse.Namespace, network: LBN, name: str, task: Task) -> None:
    """Train ``network.name``, report, and keep the averaged weights that validated best."""
    torch.manual_seed(given.seed)
    training = Training(getattr(network, name).requires_grad_(True), task, given)
    checkpoint = given.out.with_suffix(".checkpoint")
    if checkpoint.is_file():
        training.load(torch.load(checkpoint))
    volumes, validation = (Volumes(f, task) for f in (given.volumes, given.validation))
    validation.refresh()
    print("before", round(validation.score(training.average), 4), flush=True)
    info = read_weights_info(find_weights(given.weights))
    for row in reports(training, volumes, given):
        score = validation.score(training.average)
        row["validation"] = round(score, 4)
        print(json.dumps(row), flush=True)
        if score < training.best:
            training.best = score
            setattr(network, name, training.average)
            summary = {"trained_on": "simulated specimens", "last": row}
            save_weights(
                given.out,
                network,
                name=given.out.stem,
                pixel_sizes=info.pixel_sizes,
                summary=summary,
            )
        part = checkpoint.with_suffix(".part")
        torch.save(training.state(), part)
        part.replace(checkpoint)

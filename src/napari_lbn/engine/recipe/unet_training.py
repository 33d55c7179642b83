"""Training of one small UNet alone, on volumes beside the truth."""

from __future__ import annotations

import copy
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import InputError
from ..io import atomic_path
from .view import readable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

    from ..network.lattice_unet import LatticeUNet
    from .settings import UNetSettings
    from .tasks import Example, Task

WARM_UP, DECAY, LOWEST_RATE = 100, 0.999, 1e-6
LARGEST_LOSS = 4.0
"""One volume in which there is next to nothing must not decide a step."""


class Volumes:
    """The examples of a folder, in memory.

    Raises
    ------
    InputError
        There are none, or one is damaged.
    """

    def __init__(self, folder: Path, task: Task) -> None:
        self._task = task
        self._examples = []
        for path in sorted(folder.glob("*.safetensors")):
            with readable(path):
                self._examples.append(task.read(path))
        if not self._examples:
            raise InputError(f"{folder}: there are no volumes to train on.")

    def drawn(self, rng: Generator, device: torch.device) -> Example:
        """A part of a random one."""
        example = self._examples[rng.integers(len(self._examples))]
        return tuple(v.to(device) for v in self._task.drawn(example, rng))

    def score(self, unet: LatticeUNet, device: torch.device) -> float:
        """Mean loss on all of them, whole."""
        with torch.inference_mode():
            losses = [
                float(self._task.loss(unet, tuple(v.to(device) for v in example)))
                for example in self._examples
            ]
        return float(np.mean(losses))


class UNetTraining:
    """UNet, running average, optimizer and position of a training.

    Parameters
    ----------
    unet : LatticeUNet
        Trained in place.
    task : Task
        What it learns.
    settings : UNetSettings
        How long, and how fast.
    """

    def __init__(self, unet: LatticeUNet, task: Task, settings: UNetSettings) -> None:
        self.settings, self._task = settings, task
        self.device = next(unet.parameters()).device
        self.unet = unet.train().requires_grad_(True)
        self.average = copy.deepcopy(self.unet).eval().requires_grad_(False)
        self._optimizer = torch.optim.AdamW(
            self.unet.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
        )
        self.step_count, self._best_score = 0, math.inf
        self._best = copy.deepcopy(self.average)
        self.recent: list[float] = []

    def step(self, volumes: Volumes, seed: int) -> None:
        """One step on what the seed and the step's number draw."""
        rng = np.random.default_rng((seed, self.step_count))
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        examples = [volumes.drawn(rng, self.device) for _ in range(self.settings.batch)]
        losses = [self._task.loss(self.unet, example) for example in examples]
        finite = [loss.clamp(max=LARGEST_LOSS) for loss in losses if torch.isfinite(loss)]
        self._optimizer.zero_grad()
        if finite:
            torch.stack(finite).mean().backward()
            torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            self._optimizer.step()
            self.recent.append(float(torch.stack(finite).detach().mean()))
        self.step_count += 1
        self._update_average()

    def keep_if_best(self, score: float) -> bool:
        """Whether the average of now validated better than any before; it is kept then."""
        better = score < self._best_score
        if better:
            self._best_score = score
            self._best.load_state_dict(self.average.state_dict())
        return better

    def finish(self) -> None:
        """Give the UNet what validated best."""
        self.unet.load_state_dict(self._best.state_dict())
        self.unet.eval().requires_grad_(False)

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""
        state = {
            "unet": self.unet.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "best": self._best.state_dict(),
            "position": [self.step_count, self._best_score],
        }
        packed = io.BytesIO()  # torch.save to a full disk raises no OSError
        torch.save(state, packed)
        with atomic_path(path) as temporary:
            temporary.write_bytes(packed.getbuffer())

    def load(self, path: Path) -> None:
        """Go on from what was saved.

        Raises
        ------
        InputError
            The file is damaged, or of another UNet.
        """
        with readable(path):
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            self.unet.load_state_dict(state["unet"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._best.load_state_dict(state["best"])
            self.step_count, self._best_score = state["position"]

    def _rate(self) -> float:
        """Learning rate: a warm-up, then half a cosine."""
        warm = min((self.step_count + 1) / WARM_UP, 1.0)
        falling = 0.5 * (1 + math.cos(math.pi * self.step_count / self.settings.steps))
        return max(self.settings.rate * warm * falling, LOWEST_RATE)

    def _update_average(self) -> None:
        decay = min(DECAY, (1 + self.step_count) / (10 + self.step_count))
        pairs = zip(self.average.parameters(), self.unet.parameters(), strict=True)
        with torch.no_grad():
            for mean, new in pairs:
                mean.lerp_(new, 1 - decay)

"""Masked-tilt training of the network (paper, section 3.1): a generator of events."""

from __future__ import annotations

import copy
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, LBNError
from ..events import CancelToken, Event, Job, raise_if_cancelled
from .examples import AddNoise, Example, ExampleSettings, TrainingSeries, draw_example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..network import LBN


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the network is trained.

    Attributes
    ----------
    steps : int
        Optimizer steps.
    accumulate : int
        Examples a step.
    learning_rate : float
        Peak, after `warm_up` steps; falls to zero along a cosine.
    ema : float
        Decay of the running average of the weights, which is what is kept.
    autocast : bool
        Compute the network in bfloat16.
    report_every : int
        Steps between `Report` events.
    """

    steps: int = 2000
    accumulate: int = 1
    learning_rate: float = 1e-3
    warm_up: int = 100
    ema: float = 0.998
    autocast: bool = True
    report_every: int = 100
    seed: int = 0
    device: str = "cpu"
    examples: ExampleSettings = field(default_factory=ExampleSettings)


@dataclass(frozen=True, kw_only=True, eq=False)
class Report(Event):
    """State of the training after some steps.

    Attributes
    ----------
    network : LBN
        The averaged network, in evaluation mode, valid until the next event.
    """

    step: int
    loss: float
    seconds: float
    network: LBN


def train(
    network: LBN,
    sources: Callable[[], Sequence[TrainingSeries]],
    settings: TrainingSettings,
    *,
    add_noise: AddNoise,
    cancel: CancelToken | None = None,
) -> Job[LBN]:
    """Train by predicting hidden tilts from visible ones.

    Parameters
    ----------
    network : LBN
        Trained in place.
    sources : callable
        Gives the training series; asked again from time to time, so that the set may grow.
    settings : TrainingSettings
        Steps, rates and how examples are drawn.
    add_noise : callable
        Noise for simulated series: ``add_noise(clean, snr, profile, rng)``.
    cancel : CancelToken, optional
        Ends the training with `Cancelled` at the next step.

    Yields
    ------
    Report
        Every `report_every` steps.

    Returns
    -------
    LBN
        The averaged network.
    """
    device = torch.device(settings.device)
    network.to(device).train()
    _use_channels_last(network)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: _rate(s, settings))
    losses: list[float] = []
    started = time.monotonic()
    examples = prefetch(sources, settings, add_noise)
    for step in range(1, settings.steps + 1):
        raise_if_cancelled(cancel)
        losses.append(_step(network, optimizer, examples, settings, device))
        schedule.step()
        _update_average(average, network, min(settings.ema, (1 + step) / (10 + step)))
        if step % settings.report_every == 0 or step == settings.steps:
            recent = float(np.mean(losses[-settings.report_every :]))
            seconds = time.monotonic() - started
            yield Report(step=step, loss=recent, seconds=seconds, network=average)
    return average


def prefetch(
    sources: Callable[[], Sequence[TrainingSeries]], settings: TrainingSettings, add_noise: AddNoise
) -> Iterator[Example]:
    """Examples without end, the next one drawn while the network works on this one."""

    def draw(index: int) -> Example:
        rng = np.random.default_rng((settings.seed, index))
        series = sources()
        if not series:
            raise InputError("There is no series to train on.")
        return draw_example(
            series[int(rng.integers(len(series)))], settings.examples, rng, add_noise
        )

    with ThreadPoolExecutor(max_workers=1) as pool:
        index = 0
        upcoming = pool.submit(draw, index)
        while True:
            example, index = upcoming.result(), index + 1
            upcoming = pool.submit(draw, index)
            yield example


def load_simulated(paths: Sequence[Path]) -> list[TrainingSeries]:
    """Noise-free series written by `simulation.dataset`."""
    series = []
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            series.append(
                TrainingSeries(
                    tilts=data["tilts"],
                    angles=data["angles"].astype(np.float64),
                    noise_profile=data["profile"],
                )
            )
    return series


def _step(
    network: LBN,
    optimizer: torch.optim.Optimizer,
    examples: Iterator[Example],
    settings: TrainingSettings,
    device: torch.device,
) -> float:
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for _ in range(settings.accumulate):
        example = next(examples)
        visible, targets = _tensor(example.visible, device), _tensor(example.targets, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.autocast):
            predicted = network(
                visible, example.visible_angles, example.target_angles, example.thickness
            )
        loss = torch.nn.functional.mse_loss(predicted.float(), targets) / settings.accumulate
        loss.backward()
        total += loss.item()
    if not math.isfinite(total):
        raise LBNError("The loss is not a number: training stopped.", "Lower the learning rate.")
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return total


def _tensor(images: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return tensor.contiguous(memory_format=torch.channels_last)


def _use_channels_last(network: LBN) -> None:
    # torch's type stubs do not know this use of Module.to
    network.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.unet.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def _rate(step: int, settings: TrainingSettings) -> float:
    warm = min((step + 1) / settings.warm_up, 1.0)
    return warm * 0.5 * (1 + math.cos(math.pi * min(step / settings.steps, 1.0)))


@torch.no_grad()
def _update_average(average: LBN, network: LBN, decay: float) -> None:
    for kept, current in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(current, 1 - decay)

"""Masked-tilt training of the network (paper, section 3.1): a generator of events."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...events import CancelToken, Event, Job, raise_if_cancelled
from ..examples.draw import AddNoise, Example, ExampleSettings, TrainingSeries, draw_example
from ..settings import CriticSettings, TrainingSettings
from .state import TrainingState
from .workers import ALONE, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ...network import LBN

__all__ = [
    "CriticSettings",
    "ExampleSettings",
    "Report",
    "TrainingSettings",
    "load_simulated",
    "prefetch",
    "train",
]


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
    """Train by predicting hidden tilts from visible ones; nothing is written.

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
    state = TrainingState(network, settings)
    losses: list[float] = []
    started = time.monotonic()
    examples = prefetch(sources, settings, add_noise, workers=state.workers)
    for step in range(1, settings.steps + 1):
        raise_if_cancelled(cancel)
        losses.append(state.step(examples).mse)
        if step % settings.report_every == 0 or step == settings.steps:
            recent = float(np.mean(losses[-settings.report_every :]))
            seconds = time.monotonic() - started
            yield Report(step=step, loss=recent, seconds=seconds, network=state.average)
    return state.average


def prefetch(
    sources: Callable[[], Sequence[TrainingSeries]],
    settings: TrainingSettings,
    add_noise: AddNoise,
    first: int = 0,
    workers: Workers = ALONE,
) -> Iterator[Example]:
    """Examples without end, the next one drawn while the network works on this one.

    Example number i depends on the seed and on i alone, so a training goes on from any
    `first` as if it had never stopped, and several processes share the examples of one: of
    n of them each takes every n-th. Every series is drawn once in each round.
    """

    def draw(index: int) -> Example:
        series = sources()
        if not series:
            raise InputError("There is no series to train on.")
        rng = np.random.default_rng((settings.seed, index))
        chosen = series[_in_round(index, len(series), settings.seed)]
        return draw_example(chosen, settings.examples, rng, add_noise)

    with ThreadPoolExecutor(max_workers=1) as pool:
        index = first + workers.rank
        upcoming = pool.submit(draw, index)
        while True:
            example, index = upcoming.result(), index + workers.count
            upcoming = pool.submit(draw, index)
            yield example


def _in_round(index: int, count: int, seed: int) -> int:
    """Which series example `index` comes from: a new order of all of them in each round."""
    order = np.random.default_rng((seed, index // count, count)).permutation(count)
    return int(order[index % count])


def load_simulated(paths: Sequence[Path], *, truth: bool = False) -> list[TrainingSeries]:
    """Noise-free series as `simulation.series_files` writes; with truth where asked and there."""
    series = []
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            known = truth and "truth" in data
            series.append(
                TrainingSeries(
                    tilts=data["tilts"],
                    angles=data["angles"].astype(np.float64),
                    noise_profile=data["profile"],
                    truth=data["truth"] if known else None,
                    truth_angles=data["truth_angles"] if known else None,
                    least_depth=int(json.loads(str(data["metadata"]))["depth"]),
                )
            )
    return series

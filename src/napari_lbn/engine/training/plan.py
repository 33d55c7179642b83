"""What a training will do and cost, from what the files say, before anything is read."""

from __future__ import annotations

import copy
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..binning import automatic_binning
from ..cost.speed import convolution_speed
from ..device import choose_device, free_memory
from ..errors import InputError
from ..fourier import binned_shape
from ..io.weights.find import weights_info
from ..network import LBNConfig
from .cost import estimate_training, example_cost
from .examples.draw import TrainingSeries
from .optimisation.state import TrainingState
from .optimisation.trainer import prefetch
from .settings import steps_per_epoch
from .validation import split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .configuration import Configuration
    from .data import TrainingData

EPOCH_STEPS = 25
"""Steps between two looks at the held-out tilts, where the time allows."""
FEWEST_EPOCHS, MOST_EPOCHS = 3, 400
KEPT_WEIGHTS = 20
"""About how many epochs leave their weights behind."""
WEDGE_TILTS = 20
"""Tilts that the preview synthesizes, roughly."""
TIMED_STEPS = 2
CHECKPOINT_SIZES = 9
"""Sizes of the weights file that the checkpoint (float32 and moments) and the best ones take."""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What a training will do.

    Attributes
    ----------
    epochs, steps : int
        Epochs, and steps of each.
    seconds : float
        Of the whole training, validation included; an estimate.
    memory_bytes, free_bytes : int
        Needed on the device, an estimate; and free there now.
    disk_bytes : int
        Of the folder at the end.
    n_series, held_out : int
        Series to learn from, and tilts of them that are held out.
    """

    epochs: int
    steps: int
    seconds: float
    memory_bytes: int
    free_bytes: int
    disk_bytes: int
    n_series: int
    held_out: int


def plan_training(
    configuration: Configuration,
    opened: Mapping[str, TiltSeries],
    minutes: float | None = None,
) -> TrainingPlan:
    """Estimate what a training on these series will cost; no image is read.

    Parameters
    ----------
    configuration : Configuration
        With the weights that it starts from.
    opened : mapping
        The series by their names in the configuration.
    minutes : float, optional
        How long it may take: decides the number of epochs.

    Raises
    ------
    InputError, WeightsError
        No series, one that does not fit the weights, tilts that cannot be held out.
    """
    if not opened:
        raise InputError("There is no series to train on.", "Choose a tilt series.")
    assert configuration.start is not None
    info = weights_info(configuration.start)
    network = LBNConfig.from_dict(info.config)
    data, training = configuration.data, configuration.training
    series, hidden = [], []
    for one in opened.values():
        binning = automatic_binning(one.pixel_size, info.pixel_sizes, one.name)
        every = data.hold_out_every
        visible = split(one, every)[0] if every else one
        series.append(_without_images(visible, binned_shape(one.image_shape, binning)))
        hidden.append(int(one.included.size - visible.included.size))
    checks = _seconds_of_checks(network, series, hidden, configuration)
    cost = estimate_training(network, series, training)
    steps = steps_per_epoch(configuration.run, training, len(series))
    epochs = configuration.run.epochs
    if minutes is not None:
        epochs, steps = epochs_within(60 * minutes, cost.seconds_per_step, checks)
    size = info.rest.stat().st_size
    return TrainingPlan(
        epochs=epochs,
        steps=steps,
        seconds=epochs * (steps * cost.seconds_per_step + checks),
        memory_bytes=cost.memory_bytes,
        free_bytes=free_memory(choose_device(training.device)),
        disk_bytes=size * (CHECKPOINT_SIZES + min(epochs, KEPT_WEIGHTS)),
        n_series=len(series),
        held_out=sum(hidden),
    )


def epochs_within(seconds: float, step: float, check: float) -> tuple[int, int]:
    """Epochs and steps of each that fill a time.

    Parameters
    ----------
    seconds : float
        To fill.
    step, check : float
        Seconds of one step, and of what follows an epoch.
    """
    wanted = round(seconds / (EPOCH_STEPS * step + check))
    epochs = min(max(wanted, FEWEST_EPOCHS), MOST_EPOCHS)
    return epochs, max(round((seconds / epochs - check) / step), 1)


def keep_every(epochs: int) -> int:
    """Epochs between weights that are kept, so that the folder stays small."""
    return max(-(-epochs // KEPT_WEIGHTS), 1)


def fit_to_time(
    network: LBN, data: TrainingData, configuration: Configuration, minutes: float
) -> Configuration:
    """The configuration with as many epochs as fit, from steps measured on the spot.

    The learning rate falls over the whole training, so its length must be known before.

    Parameters
    ----------
    network : LBN
        Left as it is: a copy takes the steps.
    data : TrainingData
        Its `preview`, if any, is timed too.
    configuration : Configuration
        All else.
    minutes : float
        How long the training may take.
    """
    state = TrainingState(copy.deepcopy(network), configuration.training)
    examples = prefetch(lambda: data.series, configuration.training, data.add_noise)
    state.step(examples)  # the first one builds what later ones find ready
    began = time.monotonic()
    for _ in range(TIMED_STEPS):
        state.step(examples)
    step = (time.monotonic() - began) / TIMED_STEPS
    check = 0.0
    if data.preview is not None:
        began = time.monotonic()
        data.preview(state.average, 0)
        # validation predicts every series' held-out tilts, the preview those of one
        check = (time.monotonic() - began) * (1 + len(data.hold_outs))
    epochs, steps = epochs_within(60 * minutes, step, check)
    run = replace(
        configuration.run, epochs=epochs, steps_per_epoch=steps, keep_every=keep_every(epochs)
    )
    return replace(configuration, run=run)


def _without_images(series: TiltSeries, shape: tuple[int, int]) -> TrainingSeries:
    return TrainingSeries(
        tilts=np.broadcast_to(np.float32(0), (int(series.included.size), *shape)),
        angles=series.included_angles,
        name=series.name,
    )


def _seconds_of_checks(
    network: LBNConfig,
    series: Sequence[TrainingSeries],
    hidden: Sequence[int],
    configuration: Configuration,
) -> float:
    """Seconds of predicting every series' held-out tilts and one preview."""
    if not any(hidden):
        return 0.0
    crop = configuration.data.validation_crop
    cases = [(*one.tilts.shape, held) for one, held in zip(series, hidden, strict=True)]
    cases.append((*cases[0][:3], WEDGE_TILTS))
    operations = 0.0
    for (n, height, width, targets), count in Counter(cases).items():
        size = (min(height, crop), min(width, crop))
        forward, _ = example_cost(network, size, n, targets, configuration.training)
        operations += count * forward
    return operations / convolution_speed(str(choose_device(configuration.training.device)))

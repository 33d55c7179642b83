"""One of the small UNets, trained to the end or on from its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled
from ..events import Event, Job, Progress
from .unet_training import UNetTraining, Volumes

if TYPE_CHECKING:
    from pathlib import Path

    from ..events import CancelToken
    from ..network.lattice_unet import LatticeUNet
    from .settings import UNetSettings
    from .tasks import Task

CHECKPOINT = "training.pt"


@dataclass(frozen=True, kw_only=True)
class UNetScored(Event):
    """A UNet was compared on the volumes that never train.

    Attributes
    ----------
    name : str
        Of the folder with its volumes.
    step : int
        So far; 0 before the first.
    loss : float or None
        Mean since the last time: the error's power over the truth's.
    validation : float
        The same on those volumes.
    best : bool
        Whether this is the best state so far.
    """

    name: str
    step: int
    loss: float | None
    validation: float
    best: bool


def train_unet(
    unet: LatticeUNet,
    task: Task,
    settings: UNetSettings,
    folder: Path,
    *,
    seed: int,
    stop: CancelToken,
) -> Job[None]:
    """Train on the volumes of a folder; those in ``validation/`` say which state is best.

    Parameters
    ----------
    unet : LatticeUNet
        On the device where it trains. In the end it has the averaged weights that validated best.
    task : Task
        What it learns.
    settings : UNetSettings
        How long, and how fast.
    folder : Path
        Of the volumes; gets the checkpoint.
    seed : int
        Of what is drawn.
    stop : CancelToken
        Saves and ends.

    Yields
    ------
    Progress, UNetScored

    Raises
    ------
    Cancelled
        `stop` is set.
    """
    training, checkpoint = UNetTraining(unet, task, settings), folder / CHECKPOINT
    if checkpoint.is_file():
        training.load(checkpoint)
    volumes, validation = Volumes(folder, task), Volumes(folder / "validation", task)
    if not training.step_count:  # a training that only makes it worse changes nothing
        yield _scored(training, validation, folder.name)
    while training.step_count < settings.steps:
        if stop.is_set():
            training.save(checkpoint)
            raise Cancelled
        training.step(volumes, seed)
        done = training.step_count
        yield Progress(
            stage=f"Training ({folder.name})",
            done=done,
            total=settings.steps,
            fraction=done / settings.steps,
        )
        if done % settings.every == 0 or done == settings.steps:
            yield _scored(training, validation, folder.name)
            training.save(checkpoint)
    training.finish()


def _scored(training: UNetTraining, validation: Volumes, name: str) -> UNetScored:
    """Compare, and keep what is best."""
    score = validation.score(training.average, training.device)
    best = training.keep_if_best(score)
    loss = float(np.mean(training.recent)) if training.recent else None
    training.recent.clear()
    return UNetScored(name=name, step=training.step_count, loss=loss, validation=score, best=best)

"""A whole training in a folder: epochs, validation, log, checkpoints, and going on from them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from ...io.files.in_use import alone_in
from ..data import TrainingData
from ..optimisation.workers import current_workers
from ..settings import RunSettings, steps_per_epoch
from .events import BaselinesReady, EpochFinished, StepFinished, TrainingResult
from .files import BEST, LAST
from .loop import TrainingLoop

if TYPE_CHECKING:
    from pathlib import Path

    from ...events import CancelToken, Job
    from ...network import LBN
    from ..settings import TrainingSettings

__all__ = [
    "BEST",
    "LAST",
    "BaselinesReady",
    "EpochFinished",
    "RunSettings",
    "StepFinished",
    "TrainingData",
    "TrainingResult",
    "fit",
    "steps_per_epoch",
]


def fit(
    network: LBN,
    data: TrainingData,
    training: TrainingSettings,
    run: RunSettings,
    folder: Path,
    *,
    resume: bool = False,
    stop: CancelToken | None = None,
) -> Job[TrainingResult]:
    """Train in a folder, saving as it goes.

    The folder gets ``last.safetensors`` (checkpoint), ``best.safetensors`` (weights),
    ``log.csv`` and ``baselines.json``. Pausing is not asking for the next event.

    Parameters
    ----------
    network : LBN
        Trained in place.
    data : TrainingData
        Series and hold-outs.
    training : TrainingSettings
        Its `steps` is set from epochs here.
    run : RunSettings
        How long, and what to keep.
    folder : Path
        Made if absent.
    resume : bool
        Go on from the folder's checkpoint; on a CPU the result is the same to the bit as
        without the interruption.
    stop : CancelToken, optional
        Ends the training after the step at hand, with a checkpoint and a result.

    Notes
    -----
    In processes that torchrun has started and `workers.joined` has joined, each takes its
    share of a step's examples; the first one alone validates and writes. The folder must
    be seen by all of them.

    Yields
    ------
    BaselinesReady, StepFinished, EpochFinished
        After an epoch also what `data.preview` gives.

    Raises
    ------
    InputError
        Nothing to train on, a checkpoint in the way, or none to resume; another training
        works in the folder.
    TrainingDivergedError
        The loss is not a number; the checkpoint before it is intact.
    OutputError
        The disk is full or read-only; the checkpoint before is intact.
    """
    workers = current_workers()
    with workers.together(), alone_in(folder) if workers.lead else nullcontext():
        try:
            job = TrainingLoop(network, data, training, run, folder)
            job.prepare(resume=resume)
            if data.baselines and data.hold_outs and job.workers.lead:
                yield job.baselines()
            return (yield from job.events(stop))
        finally:
            data.close()

"""`napari-lbn train`: fine-tune weights on one's own series, or train from the beginning."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from napari_lbn.engine.errors import InputError

from ..command import INTERRUPTED, TERMINATED
from ..progress import note, run_job
from .options import TrainOptions, configured, resumed
from .report import EpochLines, stopping

if TYPE_CHECKING:
    from napari_lbn.engine.training.configuration import Configuration
    from napari_lbn.engine.training.folder.run import TrainingData, TrainingResult
    from napari_lbn.engine.training.optimisation.workers import Workers


def train(options: TrainOptions) -> None:
    """Train weights on tilt series, by default fine-tuning the bundled ones.

    Ctrl-C stops after the step at hand with everything saved; --resume goes on.
    The folder holds best.safetensors (weights for every command), last.safetensors
    (checkpoint), log.csv, curves.png, and the configuration. --devices N shares the work
    among the GPUs of this machine; on several machines, start it with torchrun.
    """
    from napari_lbn.engine.training.optimisation.workers import announced, joined

    processes = max(announced(), options.devices)
    wanted = resumed(options) if options.resume else configured(options, processes)
    if processes > announced() and not options.dry_run:
        from .processes import share_among

        share_among(options.devices)
        return
    with joined() as workers:
        _train(options, wanted, workers, processes)


def _train(options: TrainOptions, wanted: Configuration, workers: Workers, processes: int) -> None:
    """The work of this process: the whole, or its share."""
    from napari_lbn.engine.evaluation.prediction.baselines import training_baselines
    from napari_lbn.engine.events import drain
    from napari_lbn.engine.io import ensure_folder, open_tilt_series
    from napari_lbn.engine.training.data import against_start, gather, make_network
    from napari_lbn.engine.training.folder.run import fit
    from napari_lbn.engine.training.folder.summary import write_configuration
    from napari_lbn.engine.training.sources import name_series, read_sources, write_sources

    network, configuration = make_network(wanted)
    # a training begun in napari knows of excluded tilts and typed angles
    opened = read_sources(options.out) if options.resume else {}
    data = gather(configuration, opened, training_baselines())
    if workers.lead:
        _tell_cost(configuration, data, processes, _epochs_done(options))
    if options.dry_run:
        return
    ensure_folder(options.out)
    if configuration.start is not None and data.hold_outs and workers.lead:
        data = against_start(data, network, configuration.training.device)
    if workers.lead and not options.resume:
        write_configuration(options.out, wanted)
        write_sources(options.out, name_series(map(open_tilt_series, wanted.data.series)))
    with stopping(quiet=not workers.lead) as stop:
        job = fit(
            network,
            data,
            configuration.training,
            configuration.run,
            options.out,
            resume=options.resume,
            stop=stop,
        )
        result = run_job(job, EpochLines(options.out)) if workers.lead else drain(job)
    if workers.lead:
        _tell_result(result, options.out)
    if not result.finished:
        raise typer.Exit(TERMINATED if stop.number == signal.SIGTERM else INTERRUPTED)


def _epochs_done(options: TrainOptions) -> int:
    """How many epochs the training that is resumed has behind it."""
    if not options.resume:
        return 0
    from napari_lbn.engine.training.folder.summary import summarise

    return summarise(options.out).epoch


def _tell_cost(configuration: Configuration, data: TrainingData, processes: int, done: int) -> None:
    """Say how long an epoch and what is left take and how much memory, before anything starts."""
    from napari_lbn.engine.training.cost import estimate_training
    from napari_lbn.engine.training.folder.run import steps_per_epoch

    if not data.series:
        raise InputError("There is no series to train on.", "Name tilt series, or --simulated.")
    cost = estimate_training(configuration.network, data.series, configuration.training)
    steps = steps_per_epoch(configuration.run, configuration.training, len(data.series))
    epochs, minutes = configuration.run.epochs, steps * cost.seconds_per_step / 60 / processes
    behind, left = (f", {done} of them done", "for the others") if done else ("", "in all")
    shared = "" if processes == 1 else f" for each of {processes} processes"
    note(
        f"{len(data.series)} series, {epochs} epochs of {steps} steps{behind}: about "
        f"{minutes:.2g} min an epoch, {(epochs - done) * minutes:.2g} min {left}, "
        f"{cost.memory_bytes / 1e9:.2g} GB{shared}."
    )


def _tell_result(result: TrainingResult, folder: Path) -> None:
    from napari_lbn.engine.training.curves.read import Curves
    from napari_lbn.engine.training.folder.summary import kept_weights
    from napari_lbn.engine.training.verdict import judge

    said = judge(kept_weights(folder), Curves.read(folder))
    if said:
        note(said)
    if result.weights is not None:
        typer.echo(str(result.weights))
    if not result.finished:
        typer.echo(
            f"Stopped after step {result.step}; everything is saved. "
            f"Go on with: napari-lbn train --resume --out {folder}",
            err=True,
        )

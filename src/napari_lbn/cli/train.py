"""`napari-lbn train`: fine-tune weights on one's own series, or train from the beginning."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

from .command import INTERRUPTED
from .progress import note, run_job

if TYPE_CHECKING:
    from napari_lbn.engine.events import Event
    from napari_lbn.engine.training.configuration import Configuration
    from napari_lbn.engine.training.run import TrainingData, TrainingResult
    from napari_lbn.engine.training.validation import Scores

DATA, TRAINING = "Data", "Training"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What to train on, how, and where to."""

    series: Annotated[
        list[Path] | None,
        typer.Argument(metavar="TS.mrc ...", help="Aligned tilt series.", show_default=False),
    ] = None
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the training: weights, log, checkpoints."),
    ] = Path("training")
    configuration: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="fine-tune, default, paper, or a TOML file.",
            rich_help_panel=TRAINING,
        ),
    ] = "fine-tune"
    set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Override a value, like training.learning_rate=1e-4. May be repeated.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Weights to start from.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Default: the configuration's.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None
    device: Annotated[
        str,
        typer.Option(help="auto, cpu, cuda:0, mps.", rich_help_panel=TRAINING),
    ] = "auto"
    simulated: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of simulated series.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the training in --out, as it was configured.",
            rich_help_panel=TRAINING,
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only tell what the training would cost.", rich_help_panel=TRAINING
        ),
    ] = False


def train(options: TrainOptions) -> None:
    """Train weights on tilt series, by default fine-tuning the bundled ones.

    Ctrl-C stops after the step at hand with everything saved; --resume goes on.
    The folder holds best.safetensors (weights for every command), last.safetensors
    (checkpoint), log.csv, curves.png, and the configuration.
    """
    from napari_lbn.engine.evaluation.baselines import training_baselines
    from napari_lbn.engine.io.output import ensure_folder
    from napari_lbn.engine.training.data import gather, make_network
    from napari_lbn.engine.training.run import fit
    from napari_lbn.engine.training.sources import read_sources
    from napari_lbn.engine.training.summary import write_configuration

    wanted = _resumed(options) if options.resume else _configured(options)
    network, configuration = make_network(wanted)
    # a training begun in napari knows of excluded tilts and typed angles
    opened = read_sources(options.out) if options.resume else {}
    data = gather(configuration, opened, training_baselines())
    _tell_cost(configuration, data)
    if options.dry_run:
        return
    ensure_folder(options.out)
    if not options.resume:
        write_configuration(options.out, wanted)
    with _stopping() as stop:
        job = fit(
            network,
            data,
            configuration.training,
            configuration.run,
            options.out,
            resume=options.resume,
            stop=stop,
        )
        result = run_job(job, _Report(options.out))
    _finish(result, options.out)


def _configured(options: TrainOptions) -> Configuration:
    """The configuration with the options' values on top; paths absolute, for resuming."""
    from napari_lbn.engine.training.configuration import read_configuration

    if (options.out / "last.safetensors").exists():
        raise InputError(
            f"{options.out} holds a training already.",
            "Resume it (--resume), or choose another folder (--out).",
        )
    chosen = read_configuration(options.configuration, tuple(options.set or ()))
    data, run = chosen.data, chosen.run
    named = tuple(str(path) for path in options.series or ()) or data.series
    data = replace(data, series=_absolute(named))
    data = replace(data, validation_series=_absolute(data.validation_series))
    simulated = options.simulated or data.simulated
    if simulated is not None:
        data = replace(data, simulated=str(Path(simulated).resolve()))
    if options.epochs is not None:
        run = replace(run, epochs=options.epochs)
    training = replace(chosen.training, device=options.device)
    start = options.start or chosen.start
    if start is not None and Path(start).is_file():
        start = str(Path(start).resolve())
    return replace(chosen, data=data, run=run, training=training, start=start)


def _absolute(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(Path(path).resolve()) for path in paths)


def _resumed(options: TrainOptions) -> Configuration:
    from napari_lbn.engine.training.summary import kept_configuration

    if options.series or options.set or options.start or options.epochs or options.simulated:
        raise InputError(
            "--resume goes on as the training was configured.", "Leave the other options out."
        )
    return kept_configuration(options.out)


def _tell_cost(configuration: Configuration, data: TrainingData) -> None:
    """Say how long an epoch takes and how much memory, before anything starts."""
    from napari_lbn.engine.training.cost import estimate_training
    from napari_lbn.engine.training.run import steps_per_epoch

    if not data.series:
        raise InputError("There is no series to train on.", "Name tilt series, or --simulated.")
    cost = estimate_training(configuration.network, data.series, configuration.training)
    steps = steps_per_epoch(configuration.run, configuration.training, len(data.series))
    epochs, minutes = configuration.run.epochs, steps * cost.seconds_per_step / 60
    note(
        f"{len(data.series)} series, {epochs} epochs of {steps} steps: about {minutes:.2g} min "
        f"an epoch, {epochs * minutes:.2g} min in all, {cost.memory_bytes / 1e9:.2g} GB."
    )


class _Report:
    """One line for each epoch, and the curves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, event: Event) -> None:
        from napari_lbn.engine.training.curves import write_curves
        from napari_lbn.engine.training.run import BaselinesReady, EpochFinished

        if isinstance(event, BaselinesReady):
            for name, scores in event.scores.items():
                note(f"{name}: {_scores(scores)}")
        elif isinstance(event, EpochFinished):
            best = ", the best so far" if event.best else ""
            held = "" if event.scores is None else f", {_scores(event.scores)}"
            typer.echo(f"Epoch {event.epoch}: loss {event.loss:.4f}{held}{best}", err=True)
            write_curves(self._folder)


def _scores(scores: Scores) -> str:
    shown = " ".join(f"{value:.3f}" for value in scores.correlations)
    return f"held-out MSE {scores.mse:.4f}, correlation {shown} (full, 2x2, 4x4)"


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """A token that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends at once."""
    stop = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        typer.echo("Stopping after this step …", err=True)

    try:
        before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: somebody else's signals
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finish(result: TrainingResult, folder: Path) -> None:
    if result.weights is not None:
        typer.echo(str(result.weights))
    if not result.finished:
        typer.echo(
            f"Stopped after step {result.step}; everything is saved. "
            f"Go on with: napari-lbn train --resume --out {folder}",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)

"""Options of `napari-lbn train`, and the configuration that they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

if TYPE_CHECKING:
    from napari_lbn.engine.training.configuration import Configuration

DATA, TRAINING = "Data", "Training"
DEFAULT_CONFIGURATION, AUTO = "fine-tune", "auto"
KEPT = ("last.safetensors", "best.safetensors", "log.csv")
"""What a training leaves, any of which must not be written over."""


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
            help="fine-tune, default, bundled, paper, paper-ablation, or a TOML file.",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT_CONFIGURATION
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
    ] = AUTO
    simulated: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of simulated series.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None
    validation: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="TS.mrc",
            help="Tilt series to validate on, never to train on. May be repeated.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None
    devices: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="GPUs of this machine that share the training; processes where there is none. "
            "torchrun starts it on several machines.",
            rich_help_panel=TRAINING,
        ),
    ] = 1
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


def configured(options: TrainOptions, processes: int) -> Configuration:
    """The configuration with the options' values on top; paths absolute, for resuming.

    Where `processes` share the training, a step takes as many examples for each of them.
    """
    from napari_lbn.engine.training.configuration import read_configuration

    for name in KEPT:
        if (options.out / name).exists():
            raise InputError(
                f"{options.out} holds a training already ({name}).",
                "Resume it (--resume), or choose another folder (--out).",
            )
    chosen = read_configuration(options.configuration, tuple(options.set or ()))
    data, run = chosen.data, chosen.run
    named = tuple(str(path) for path in options.series or ()) or data.series
    data = replace(data, series=_absolute(named))
    validation = tuple(str(path) for path in options.validation or ()) or data.validation_series
    data = replace(data, validation_series=_absolute(validation))
    simulated = options.simulated or data.simulated
    if simulated is not None:
        data = replace(data, simulated=str(Path(simulated).resolve()))
    if options.epochs is not None:
        run = replace(run, epochs=options.epochs)
    examples = -(-chosen.training.accumulate // processes) * processes
    training = replace(chosen.training, device=options.device, accumulate=examples)
    start = options.start or chosen.start
    if start is not None and Path(start).is_file():
        start = str(Path(start).resolve())
    return replace(chosen, data=data, run=run, training=training, start=start)


def _absolute(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(Path(path).resolve()) for path in paths)


def resumed(options: TrainOptions) -> Configuration:
    """The configuration that the folder's training began with."""
    from napari_lbn.engine.training.folder.summary import kept_configuration

    changed = (
        options.series,
        options.validation,
        options.set,
        options.start,
        options.epochs,
        options.simulated,
        options.configuration != DEFAULT_CONFIGURATION,
    )
    if any(changed):
        raise InputError(
            "--resume goes on as the training was configured.",
            "Leave the other options out; only --device and --devices may be given.",
        )
    kept = kept_configuration(options.out)
    if options.device == AUTO:
        return kept
    return replace(kept, training=replace(kept.training, device=options.device))

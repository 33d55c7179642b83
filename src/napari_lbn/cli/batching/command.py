"""`napari-lbn batch`: many series, resumed where it was stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..adapt_options import AdaptOptions
from ..options import (
    COMPUTING,
    OUTPUT,
    AlphaOption,
    ComputingOptions,
    ReadingOptions,
    WedgeOptions,
)
from ..output import tell_written
from ..progress import note
from ..settings import require_alpha

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .local import Update
    from .task import BatchTask


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """Which series, where they are done, and what is written about them."""

    series: Annotated[
        list[Path],
        typer.Argument(
            metavar="SERIES...",
            help="Tilt series, alignment files or folders, as of the command correct.",
            show_default=False,
        ),
    ]
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for the results; a folder for each series is made in it.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ]
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Series at once. Default: one for each GPU, or one.",
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="local|slurm|ADDRESS",
            help="Run on a Dask cluster: of this machine, of SLURM, or that of a scheduler.",
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="Also predict hidden measured tilts, a fifth of them, and give the correlation.",
            rich_help_panel=OUTPUT,
        ),
    ] = True


def batch(
    options: BatchOptions,
    reading: ReadingOptions,
    computing: ComputingOptions,
    wedge: WedgeOptions,
    adapt: AdaptOptions,
    alpha: AlphaOption = 1.0,
) -> None:
    """Correct many series. Stopped or killed and started again, it does what is missing.

    Each series gets a folder in DIR with the files of the command correct and a log.
    One that fails is told and does not stop the rest; it is tried again the next time.
    batch_summary.tsv and .json list all of them. The exit code is 2 if any failed.
    """
    from .cluster import run_on_cluster
    from .local import run_locally
    from .placement import place
    from .table import follow

    require_alpha(alpha)
    placement = place(
        device=computing.device, memory=computing.memory, jobs=options.jobs, dask=options.dask
    )
    shared = {
        "computing": replace(computing, memory=placement.memory),
        "wedge": wedge,
        "reading": reading,
        "alpha": alpha,
        "adapt_minutes": adapt.minutes,
        "check": options.check,
        "weights_hash": _weights_hash(computing.weights),
        "threads": placement.threads,
    }
    tasks = _tasks(options.series, options.out, shared)
    records, missing = _finished(tasks)
    if records:
        note(f"{len(records)} of {len(tasks)} series are done already.")
    updates: Iterator[Update] = (
        run_locally(missing, placement)
        if options.dask is None
        else run_on_cluster(missing, options.dask, placement)
    )
    records += follow(updates, len(missing), options.out, records)
    _tell(records, options.out)


def _tasks(paths: list[Path], out: Path, shared: dict[str, Any]) -> list[BatchTask]:
    from napari_lbn.engine.io import ensure_folder

    from .names import series_names, series_of
    from .task import BatchTask

    series = series_of(paths)
    names = series_names(series)
    ensure_folder(out)
    return [
        BatchTask(series=path, name=name, folder=out / name, **shared)
        for path, name in zip(series, names, strict=True)
    ]


def _finished(tasks: list[BatchTask]) -> tuple[list[dict[str, Any]], list[BatchTask]]:
    """Records of what is done, and the tasks that are not."""
    from .task import finished_record, require_own_folder

    records: list[dict[str, Any]] = []
    missing: list[BatchTask] = []
    for task in tasks:
        require_own_folder(task)
        record = finished_record(task)
        if record is None:
            missing.append(task)
        else:
            records.append(record)
    return records, missing


def _weights_hash(name: str) -> str:
    """Also makes sure that the weights are there before anything starts."""
    from napari_lbn.engine.io.weights.find import weights_info

    from ..weights import fetch_told

    fetch_told(name)
    return weights_info(name).sha256


def _tell(records: list[dict[str, Any]], out: Path) -> None:
    from .summary import write_summary
    from .task import DONE

    files = write_summary(out, records)
    failed = [record for record in records if record["status"] != DONE]
    note(f"{len(records) - len(failed)} of {len(records)} series are done, {len(failed)} failed.")
    tell_written(files)
    if failed:
        raise typer.Exit(2)

"""`napari-lbn batch`: many series, resumed where it was stopped."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import COMPUTING, OUTPUT, SERIES, ComputingOptions, WedgeOptions
from .output import tell_written
from .progress import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .batching.local import Update
    from .batching.task import BatchTask


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
    pixel_size: Annotated[
        float | None,
        typer.Option(
            help="Pixel size in Å of every series. Default: the headers'.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None
    invert_tilt_angles: Annotated[
        bool,
        typer.Option(
            "--invert-tilt-angles",
            help="Change the sign of every tilt angle of every series.",
            rich_help_panel=SERIES,
        ),
    ] = False
    alpha: Annotated[
        float,
        typer.Option(
            help="Share of the synthesized part in the second tomogram.", rich_help_panel=OUTPUT
        ),
    ] = 1.0


def batch(options: BatchOptions, computing: ComputingOptions, wedge: WedgeOptions) -> None:
    """Correct many series. Stopped or killed and started again, it does what is missing.

    Each series gets a folder in DIR with the files of the command correct and a log.
    One that fails is told and does not stop the rest; it is tried again the next time.
    batch_summary.tsv and .json list all of them. The exit code is 2 if any failed.
    """
    from .batching.cluster import run_on_cluster
    from .batching.local import run_locally
    from .batching.table import follow

    dask, out = options.dask, options.out
    devices = _devices(computing.device) if dask is None else []
    jobs = options.jobs or max(len(devices), 1)
    shared = {
        "computing": _bounded(computing, jobs, dask),
        "wedge": wedge,
        "pixel_size": options.pixel_size,
        "invert": options.invert_tilt_angles,
        "alpha": options.alpha,
        "check": options.check,
        "weights_hash": _weights_hash(computing.weights),
        "threads": None if jobs == 1 or dask not in (None, "local") else _threads(jobs),
    }
    tasks = _tasks(options.series, out, shared)
    records, missing = _finished(tasks)
    if records:
        note(f"{len(records)} of {len(tasks)} series are done already.")
    updates: Iterator[Update] = (
        run_locally(missing, jobs, devices) if dask is None else run_on_cluster(missing, dask, jobs)
    )
    records += follow(updates, len(missing), out, records)
    _tell(records, out)


def _tasks(series: list[Path], out: Path, shared: dict[str, Any]) -> list[BatchTask]:
    from napari_lbn.engine.io.output import ensure_folder

    from .batching.task import BatchTask

    names = series_names(series)
    ensure_folder(out)
    return [
        BatchTask(series=path, name=name, folder=out / name, **shared)
        for path, name in zip(series, names, strict=True)
    ]


def series_names(series: list[Path]) -> list[str]:
    """A name for each series: its file's, with its folder's in front where two are alike.

    Raises
    ------
    InputError
        The same series twice.
    """
    from napari_lbn.engine.errors import InputError

    resolved = [path.resolve() for path in series]
    twice = next((path for path, n in Counter(resolved).items() if n > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice.", "Name each series once.")
    names = [path.name if path.is_dir() else path.stem for path in resolved]
    depth = 0
    while len(set(names)) < len(names):
        counts = Counter(names)
        names = [
            f"{path.parents[depth].name}_{name}" if counts[name] > 1 else name
            for path, name in zip(resolved, names, strict=True)
        ]
        depth += 1
        if depth >= min(len(path.parents) for path in resolved):
            raise InputError("Two series have the same name.", "Rename one of them.")
    return ["_".join(name.split()) for name in names]


def _finished(tasks: list[BatchTask]) -> tuple[list[dict[str, Any]], list[BatchTask]]:
    """Records of what is done, and the tasks that are not."""
    from .batching.task import finished_record

    records: list[dict[str, Any]] = []
    missing: list[BatchTask] = []
    for task in tasks:
        record = finished_record(task)
        if record is None:
            missing.append(task)
        else:
            records.append(record)
    return records, missing


def _devices(wanted: str) -> list[str]:
    """Every GPU where the device is left open."""
    from napari_lbn.engine.device import list_devices

    gpus = [name for name in list_devices() if name.startswith("cuda")]
    return gpus if wanted == "auto" else []


def _bounded(computing: ComputingOptions, jobs: int, dask: str | None) -> ComputingOptions:
    """Each of several tasks on one processor gets its share of the memory."""
    from napari_lbn.engine.device import choose_device, default_memory_bound

    if computing.memory is not None or jobs == 1 or dask not in (None, "local"):
        return computing
    device = choose_device(computing.device)
    if device.type == "cuda":  # one task a GPU
        return computing
    return replace(computing, memory=default_memory_bound(device) / jobs / 1e9)


def _threads(jobs: int) -> int:
    return max((os.cpu_count() or 1) // jobs, 1)


def _weights_hash(name: str) -> str:
    """Also makes sure that the weights are there before anything starts."""
    from napari_lbn.engine.io.weights import find_weights, read_weights_info

    from .weights import fetch_told

    fetch_told(name)
    return read_weights_info(find_weights(name)).sha256


def _tell(records: list[dict[str, Any]], out: Path) -> None:
    from .batching.summary import write_summary
    from .batching.task import DONE

    files = write_summary(out, records)
    failed = [record for record in records if record["status"] != DONE]
    note(f"{len(records) - len(failed)} of {len(records)} series are done, {len(failed)} failed.")
    tell_written(files)
    if failed:
        raise typer.Exit(2)

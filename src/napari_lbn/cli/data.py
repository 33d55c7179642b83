"""`napari-lbn data list | fetch`: public tilt series to train on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

from .command import BAD_INPUT, add_command
from .progress import note, run_job

if TYPE_CHECKING:
    from napari_lbn.engine.training.manifest import Manifest, Portal, PortalDataset, PortalSeries

data_app = typer.Typer(
    name="data",
    help="Public tilt series of the CryoET Data Portal: those of the paper, and any other.",
    no_args_is_help=True,
)


class Part(StrEnum):
    """Which data sets of the paper."""

    TRAINING = "training"
    HELD_OUT = "held-out"
    ALL = "all"


def show(
    *,
    online: Annotated[
        bool, typer.Option("--online", help="Ask the portal for titles, organisms and sizes.")
    ] = False,
) -> None:
    """List the data sets that the paper trained on and those that it held out."""
    from napari_lbn.engine.training.manifest import Portal, read_manifest

    manifest = read_manifest()
    if not online:
        for dataset in manifest.datasets:
            typer.echo(f"{dataset}  {manifest.role(dataset)}")
        return
    portal = Portal()
    known = {one.id: one for one in portal.datasets(manifest.datasets)}
    for dataset in manifest.datasets:
        typer.echo(f"{dataset}  {manifest.role(dataset):<9} {_described(portal, known, dataset)}")


def fetch(
    datasets: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="DATASET...", help="Numbers of the portal, as 10004.", show_default=False
        ),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the tilt series.", show_default=False)
    ],
    part: Annotated[
        Part | None, typer.Option(help="Data sets of the paper.", show_default=False)
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this run of the data sets. May be repeated.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="At most so many series of each data set.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell how much it would be.")
    ] = False,
) -> None:
    """Fetch tilt series with their angles and alignments; run again, it goes on.

    Names of the files to open are printed, one a line. The folders are
    DIR/training, DIR/held-out and DIR/other, in them one for each data set and run.
    Needs the package cryoet-data-portal (the extra "portal").
    """
    from napari_lbn.engine.training import manifest as engine

    manifest = engine.read_manifest()
    series = _chosen(engine.Portal(), _wanted(manifest, datasets, part), run, limit)
    size = sum(one.size or 0 for one in series) / 1e9
    note(f"{len(series)} tilt series, {size:.3g} GB.")
    if dry_run:
        return
    result = run_job(engine.fetch(series, out, manifest=manifest))
    for path in result.files:
        typer.echo(str(path))
    if result.failed:
        typer.echo(f"Error: the portal refused {', '.join(result.failed)}.", err=True)
        raise typer.Exit(BAD_INPUT)


def _wanted(manifest: Manifest, datasets: list[int] | None, part: Part | None) -> list[int]:
    named = list(datasets or ())
    if part in (Part.TRAINING, Part.ALL):
        named += manifest.training
    if part in (Part.HELD_OUT, Part.ALL):
        named += manifest.held_out
    if not named:
        raise InputError(
            "No data set is named.",
            "Give numbers (napari-lbn data list), or --part training, held-out or all.",
        )
    return sorted(set(named))


def _chosen(
    portal: Portal, datasets: list[int], runs: list[str] | None, limit: int | None
) -> list[PortalSeries]:
    """Series of the data sets; one that the portal does not have is told, and the rest goes on."""
    series: list[PortalSeries] = []
    refusals: list[InputError] = []
    for dataset in datasets:
        try:
            found = portal.series(dataset)
        except InputError as error:
            refusals.append(error)
            continue
        series += [one for one in found if not runs or one.run in runs][:limit]
    if refusals and not series:
        raise refusals[0]
    for refusal in refusals:
        note(refusal.message)
    if not series:
        raise InputError(
            f"No run is named {' or '.join(runs or ())}.", "Names are as the portal shows them."
        )
    return series


def _described(portal: Portal, known: dict[int, PortalDataset], dataset: int) -> str:
    if dataset not in known:
        return "not at the portal"
    one = known[dataset]
    try:
        series = portal.series(dataset)
    except InputError:
        return f"no tilt series  {one.title}"
    size = sum(each.size or 0 for each in series) / 1e9
    return f"{len(series):>4} series {size:>7.3g} GB  {one.organism}: {one.title}"


for _command, _name in ((show, "list"), (fetch, "fetch")):
    add_command(data_app, _command, name=_name)

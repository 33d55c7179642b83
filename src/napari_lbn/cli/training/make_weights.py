"""`napari-lbn make-weights`: weights like the bundled ones, from nothing, by a recipe."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..command import INTERRUPTED, TERMINATED
from ..progress import run_job
from .report import EpochLines, stopping

if TYPE_CHECKING:
    from napari_lbn.engine.events import Event

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="base, small, or a TOML file.")
]
OutOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder of all stages.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Override a value, like specimens.count=60. May be repeated.",
        show_default=False,
    ),
]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps.", show_default=False)]


def make_weights(
    out: OutOption,
    recipe: RecipeArgument = "base",
    set: SetOption = None,  # noqa: A002
    device: DeviceOption = None,
) -> None:
    """Make weights like the bundled ones, from nothing, on simulated specimens.

    Takes hours on a GPU and a night on a CPU. Ctrl-C stops with everything saved; the same
    command goes on. The last line printed is the weights' file.
    """
    from napari_lbn.engine.errors import Cancelled
    from napari_lbn.engine.recipe import follow, read_recipe

    overrides = tuple(set or ()) + ((f'device="{device}"',) if device else ())
    wanted = read_recipe(recipe, overrides)
    with stopping() as stop:
        try:
            made = run_job(follow(wanted, out, stop=stop), _Lines(out))
        except Cancelled:
            typer.echo("Stopped; everything is saved. The same command goes on.", err=True)
            ended = TERMINATED if stop.number == signal.SIGTERM else INTERRUPTED
            raise typer.Exit(ended) from None
    typer.echo(str(made))


class _Lines:
    """One line for each epoch of the first stage and each validation of the others."""

    def __init__(self, folder: Path) -> None:
        self._epochs = EpochLines(folder / "common")

    def __call__(self, event: Event) -> None:
        from napari_lbn.engine.recipe import UNetScored

        if isinstance(event, UNetScored):
            best = ", the best so far" if event.best else ""
            loss = "" if event.loss is None else f"{event.loss:.4f}, "
            typer.echo(
                f"{event.name}, step {event.step}: error in parts of the truth's power {loss}"
                f"on unseen specimens {event.validation:.4f}{best}",
                err=True,
            )
        else:
            self._epochs(event)

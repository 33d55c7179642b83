"""The typer application: one module a command."""

from __future__ import annotations

from typing import Annotated

import typer

from .batching.command import batch
from .command import add_command
from .convert import convert
from .correction.command import correct
from .correction.synthesize import synthesize
from .data import data_app
from .evaluation.command import evaluate
from .export import export
from .handedness import handedness
from .info import info
from .learned_filter.command import filter_app
from .reconstruction.command import reconstruct
from .simulation.simulate import simulate
from .simulation.simulate_set import simulate_set
from .training.command import train
from .training.make_weights import make_weights

app = typer.Typer(
    name="napari-lbn",
    help="Missing-wedge correction of cryo-ET tilt series with a Latent Back-projection Network.",
    epilog="The same in a viewer: start napari, Plugins > Missing-wedge correction.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from napari_lbn import __version__

        typer.echo(f"napari-lbn {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Hold the options that come before a command."""


_COMMANDS = (
    info,
    correct,
    reconstruct,
    synthesize,
    train,
    evaluate,
    batch,
    convert,
    export,
    handedness,
    simulate,
)
for _command in _COMMANDS:
    add_command(app, _command)
add_command(app, simulate_set, name="simulate-set")
add_command(app, make_weights, name="make-weights")
app.add_typer(filter_app)
app.add_typer(data_app)

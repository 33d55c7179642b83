"""Options of `napari-lbn evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_OUT = Path("evaluation")
HIDDEN, MORE, OTHERS = "What is hidden", "What else is measured", "Other programs"


@dataclass(frozen=True, kw_only=True)
class HoldOutOptions:
    """Which tilts are hidden, and what predicts them beside LBN."""

    folds: Annotated[
        int,
        typer.Option(
            min=2,
            metavar="K",
            help="Hide every K-th tilt, K times.",
            rich_help_panel=HIDDEN,
        ),
    ] = 5
    leave_one_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-out",
            help="Hide one tilt at a time instead: exact and slow.",
            rich_help_panel=HIDDEN,
        ),
    ] = False
    edges: Annotated[
        str,
        typer.Option(
            metavar="DEGREES",
            help="Hide the outermost degrees, the only truth next to the wedge; '' for none.",
            rich_help_panel=HIDDEN,
        ),
    ] = "6,12,18"
    sirt: Annotated[
        bool,
        typer.Option("--sirt", help="Compare with SIRT too (slow).", rich_help_panel=HIDDEN),
    ] = False


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """What is measured beside hold-outs."""

    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Hold-outs only: no correction, null tests and disagreement.",
            rich_help_panel=MORE,
        ),
    ] = False
    subsets: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Random subsets of tilts for the disagreement; 0 leaves it out.",
            rich_help_panel=MORE,
        ),
    ] = 6
    odd: Annotated[
        Path | None,
        typer.Option(
            help="Stack of odd frames, for the noise ceiling. Default: NAME_ODD beside the series.",
            show_default=False,
            rich_help_panel=MORE,
        ),
    ] = None
    even: Annotated[
        Path | None,
        typer.Option(
            help="Stack of even frames. Default: NAME_EVN beside the series.",
            show_default=False,
            rich_help_panel=MORE,
        ),
    ] = None
    fsc: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A B",
            help="Fourier shell correlation of two tomograms, in and out of the wedge.",
            show_default=False,
            rich_help_panel=MORE,
        ),
    ] = None
    half_sets: Annotated[
        bool,
        typer.Option(
            "--half-sets",
            help="Correct every other tilt twice and correlate: resolution outside the wedge, "
            "consistency inside.",
            rich_help_panel=MORE,
        ),
    ] = False
    figures: Annotated[
        bool,
        typer.Option(
            "--figures/--no-figures", help="PNG and PDF, with matplotlib.", rich_help_panel=MORE
        ),
    ] = True


@dataclass(frozen=True, kw_only=True)
class ProgramOptions:
    """Tomograms of other programs."""

    export_folds: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write each fold without its hidden tilts, for other programs, and stop.",
            show_default=False,
            rich_help_panel=OTHERS,
        ),
    ] = None
    import_folds: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Compare tomograms that were put into exported folds as METHOD.mrc.",
            show_default=False,
            rich_help_panel=OTHERS,
        ),
    ] = None
    tomogram: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A tomogram made from all tilts: shown as in-sample, never ranked.",
            show_default=False,
            rich_help_panel=OTHERS,
        ),
    ] = None

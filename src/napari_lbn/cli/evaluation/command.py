"""`napari-lbn evaluate`: whether to trust the filled wedge of this series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

from ..adapt_options import AdaptOptions
from ..options import OUTPUT, ComputingOptions, SeriesOptions, WedgeOptions
from ..output import tell_written
from ..series import open_series
from ..settings import correction_settings, require_pixel_size, require_usable
from .options import DEFAULT_OUT, HoldOutOptions, MeasureOptions, ProgramOptions
from .unused import refuse_unused

if TYPE_CHECKING:
    from napari_lbn.engine.evaluation.result import Evaluation

OutOption = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        help="Folder for the report; made if absent.",
        rich_help_panel=OUTPUT,
    ),
]


def evaluate(
    series: SeriesOptions,
    computing: ComputingOptions,
    wedge: WedgeOptions,
    adapt: AdaptOptions,
    holdouts: HoldOutOptions,
    measures: MeasureOptions,
    programs: ProgramOptions,
    out: OutOption = DEFAULT_OUT,
) -> None:
    """Hide measured tilts, predict them, and say whether to trust these weights here.

    NAME_evaluation.html: everything on one page. .json and .csv: the same for programs.
    NAME_*.png, .pdf: figures. NAME_disagreement*.mrc: spread of the synthesized part.
    With --adapt the weights are adapted to the visible tilts of each fold, anew each time.
    """
    from napari_lbn.engine.evaluation.settings import EvaluationSettings

    if measures.subsets == 1:
        raise InputError("--subsets: one subset disagrees with nothing.", "Give 2 or more, or 0.")
    refuse_unused(holdouts, measures, programs, adapt, out)
    opened = open_series(series)
    require_usable(opened)
    require_pixel_size(opened)
    correction = correction_settings(opened, computing, wedge, adapt_minutes=adapt.minutes)
    settings = EvaluationSettings(
        correction=correction,
        folds=0 if holdouts.leave_one_out else holdouts.folds,
        edges=parse_edges(holdouts.edges),
        sirt=holdouts.sirt,
        alteration=not measures.quick,
        nulls=not measures.quick,
        subsets=0 if measures.quick else measures.subsets,
    )
    from .run import EvaluationRun, export

    if programs.export_folds is not None:
        tell_written(export(opened, settings, programs.export_folds))
        return
    if measures.figures:
        from napari_lbn.engine.evaluation.report.figures import new_figure

        new_figure()  # say now, not after the work, that matplotlib is missing
    run = EvaluationRun(opened, settings, measures, programs, out)
    evaluation, written = run.run()
    _tell(evaluation)
    tell_written(written)


def parse_edges(text: str) -> tuple[float, ...]:
    """Widths of edge hold-outs in degrees: ``"6,12,18"``.

    Raises
    ------
    InputError
        Not a list of positive numbers.
    """
    try:
        edges = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise InputError(
            f"--edges: {text!r} is no list of degrees.", "Write it like 6,12,18."
        ) from None
    if not all(0 < edge < 180 for edge in edges):
        raise InputError(
            "--edges: degrees must be above 0 and below 180.", "Write it like 6,12,18."
        )
    return edges


def _tell(evaluation: Evaluation) -> None:
    """The tables and the findings, on standard error."""
    from napari_lbn.engine.evaluation.report.data import kinds, range_table_text

    for kind in kinds(evaluation.hold_outs):
        typer.echo(f"\n{kind}", err=True)
        typer.echo(range_table_text(evaluation.hold_outs.of_kind(kind).scores), err=True)
    typer.echo("", err=True)
    for sentence in evaluation.sentences:
        typer.echo(sentence, err=True)

"""What a report shows, in order: for each hold-out a figure and a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..metrics import FULL, VIEW
from ..result import hold_out_title
from .data import kinds
from .figures import angle_figure, band_figure, draw_fsc, new_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..fsc import FSCCurve
    from ..hold_out.scores import HoldOutResult, Score
    from ..result import Evaluation
    from .extras import ReportExtras


COARSE = "4x4"


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """One heading of a report.

    Attributes
    ----------
    stem : str
        Of the figure's file name.
    title : str
    figure : matplotlib figure or None
    scores : tuple of Score
        For the table, at one scale; empty for none.
    curves : dict or None
        For a table of Fourier shell correlations.
    """

    stem: str
    title: str
    figure: Any = None
    scores: tuple[Score, ...] = ()
    curves: dict[str, FSCCurve] | None = None


def make_sections(
    evaluation: Evaluation, extras: ReportExtras, *, with_figures: bool
) -> Iterator[Section]:
    """Every section of a report; figures need matplotlib."""
    for kind in kinds(evaluation.hold_outs):
        result = evaluation.hold_outs.of_kind(kind)
        if kind == "edge":
            for fold in dict.fromkeys(s.fold for s in result.scores):
                stem, title = fold.replace(" ", "_"), hold_out_title(fold)
                yield _of_angles(result.of_fold(fold), stem, title, FULL, with_figures)
                name = f"{title}: the columns that show the field of view"
                yield _of_angles(result.of_fold(fold), f"{stem}_{VIEW}", name, VIEW, False)
            continue
        stem, title = kind.replace("-", "_"), hold_out_title(kind)
        yield _of_angles(result, stem, f"{title}, full resolution", FULL, with_figures)
        name = f"{title}, averaged over 4 × 4 pixels"
        yield _of_angles(result, f"{stem}_{COARSE}", name, COARSE, with_figures)
        if with_figures:
            name = f"{title}, in frequency bands"
            yield Section(stem=f"{stem}_bands", title=name, figure=band_figure(result))
    for one in extras.curve_sets:
        figure = None
        if with_figures:
            figure = new_figure()
            draw_fsc(figure.subplots(), one.curves, (0.5, 1 / 7))
        yield Section(stem=one.stem, title=one.title, figure=figure, curves=one.curves)


def _of_angles(
    result: HoldOutResult, stem: str, title: str, scale: str, with_figure: bool
) -> Section:
    return Section(
        stem=stem,
        title=title,
        figure=angle_figure(result, scale=scale) if with_figure else None,
        scores=tuple(s for s in result.scores if s.scale == scale),
    )

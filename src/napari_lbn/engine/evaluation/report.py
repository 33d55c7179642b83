"""An evaluation as files: JSON, CSV, figures and one HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..io.output import atomic_path, ensure_folder, write_provenance
from .figures import angle_figure, band_figure, draw_fsc, new_figure, save_figure
from .html_page import html_page
from .report_data import as_dict, kinds, scores_csv
from .result import hold_out_title

if TYPE_CHECKING:
    from pathlib import Path

    from .external import Placement
    from .fsc import FSCCurve
    from .result import Evaluation


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportExtras:
    """What a report shows beside the evaluation itself.

    Attributes
    ----------
    placements : dict or None
        How tomograms of other programs lay, by (fold, method).
    curves : dict or None
        Fourier shell correlations by region.
    """

    placements: dict[tuple[str, str], Placement] | None = None
    curves: dict[str, FSCCurve] | None = None


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    name: str,
    extras: ReportExtras | None = None,
    with_figures: bool = True,
) -> list[Path]:
    """Write the report of an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    folder : Path
        Made if absent.
    name : str
        Starts every file name.
    extras : ReportExtras, optional
        Tomograms of other programs, FSC.
    with_figures : bool
        Figures need matplotlib.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        Figures without matplotlib.
    OutputError
        A file cannot be written.
    """
    extras = extras or ReportExtras()
    ensure_folder(folder)
    drawn = _figures(evaluation, extras) if with_figures else []
    data = as_dict(evaluation, placements=extras.placements, curves=extras.curves)
    written = [write_provenance(folder / f"{name}_evaluation.json", data)]
    written.append(_write(folder / f"{name}_evaluation.csv", scores_csv(evaluation.hold_outs)))
    for stem, _, figure in drawn:
        written += save_figure(figure, folder / f"{name}_{stem}.png")
    page = html_page(
        evaluation,
        [(caption, figure) for _, caption, figure in drawn],
        placements=extras.placements,
        curves=extras.curves,
    )
    written.append(_write(folder / f"{name}_evaluation.html", page))
    return written


def _figures(evaluation: Evaluation, extras: ReportExtras) -> list[tuple[str, str, Any]]:
    """(file name, caption, figure) of each."""
    found = []
    for kind in kinds(evaluation.hold_outs):
        result = evaluation.hold_outs.of_kind(kind)
        if kind == "edge":
            for fold in dict.fromkeys(s.fold for s in result.scores):
                own = result.of_fold(fold)
                figure = angle_figure(own, title=hold_out_title(fold))
                found.append((fold.replace(" ", "_"), hold_out_title(fold), figure))
            continue
        stem, title = kind.replace("-", "_"), hold_out_title(kind)
        found.append((stem, f"{title}, full resolution", angle_figure(result)))
        coarse = angle_figure(result, scale="4x4")
        found.append((f"{stem}_4x4", f"{title}, averaged 4 × 4 pixels", coarse))
        found.append((f"{stem}_bands", f"{title}, in frequency bands", band_figure(result)))
    if extras.curves:
        figure = new_figure()
        draw_fsc(figure.subplots(), extras.curves, (0.5, 1 / 7))
        found.append(("fsc", "Fourier shell correlation", figure))
    return found


def _write(path: Path, text: str) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path

"""An evaluation as files: JSON, CSV, figures and one HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...io import atomic_path, ensure_folder, write_provenance
from .data import as_dict, scores_csv
from .extras import ReportExtras
from .figures import save_figure
from .html_page import html_page
from .sections import make_sections

if TYPE_CHECKING:
    from pathlib import Path

    from ..result import Evaluation


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
    sections = list(make_sections(evaluation, extras, with_figures=with_figures))
    data = as_dict(evaluation, placements=extras.placements, curve_sets=extras.curve_sets)
    written = [write_provenance(folder / f"{name}_evaluation.json", data)]
    written.append(_write(folder / f"{name}_evaluation.csv", scores_csv(evaluation.hold_outs)))
    for section in sections:
        if section.figure is not None:
            written += save_figure(section.figure, folder / f"{name}_{section.stem}.png")
    page = html_page(evaluation, sections, placements=extras.placements)
    written.append(_write(folder / f"{name}_evaluation.html", page))
    return written


def _write(path: Path, text: str) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path

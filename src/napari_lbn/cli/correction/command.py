"""`napari-lbn correct`: the main job, from a tilt series to synthesized tilts and tomograms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..adapt_options import AdaptOptions
from ..options import (
    OUTPUT,
    AlphaOption,
    ComputingOptions,
    FullSizeOption,
    SeriesOptions,
    WedgeOptions,
)
from ..output import input_files, require_other_files, require_tomogram_name, tell_written
from ..progress import note, run_job
from ..series import open_series
from ..settings import (
    correction_settings,
    require_alpha,
    require_pixel_size,
    require_usable,
)

OutOption = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        help="Folder for the results; made if absent.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


class TomogramFormat(StrEnum):
    """Formats of the tomograms."""

    MRC = "mrc"
    OME_ZARR = "ome-zarr"


@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """What is written."""

    full_size: FullSizeOption = False
    denoised: Annotated[
        bool,
        typer.Option(
            "--denoised",
            help="Also NAME_lbn_denoised.mrc, of the network's tilts at all angles: for the eye "
            "and for finding things, not for measuring; no measured pixel is in it.",
            rich_help_panel=OUTPUT,
        ),
    ] = False
    tomograms: Annotated[
        TomogramFormat,
        typer.Option(help="Format of the tomograms, .mrc or .ome.zarr.", rich_help_panel=OUTPUT),
    ] = TomogramFormat.MRC


def correct(
    series: SeriesOptions,
    computing: ComputingOptions,
    wedge: WedgeOptions,
    adapt: AdaptOptions,
    results: ResultOptions,
    out: OutOption,
    alpha: AlphaOption = 1.0,
) -> None:
    """Synthesize the tilts of the missing wedge and reconstruct with and without them.

    NAME_lbn.mrc, .tlt: measured tilts, untouched, and synthesized ones.
    NAME_wbp.mrc: plain weighted back-projection (WBP) of the measured tilts.
    NAME_wbp_lbn.mrc: WBP of measured and synthesized tilts.
    NAME_lbn.json: what all of them were made from.
    """
    from napari_lbn.engine.results.files import CorrectionFiles
    from napari_lbn.engine.results.writer import correct_into

    require_alpha(alpha)
    opened = open_series(series)
    require_usable(opened)
    require_pixel_size(opened)
    files = CorrectionFiles(
        folder=out,
        name=opened.name,
        with_denoised=results.denoised,
        tomogram_suffix=f".{results.tomograms.value.replace('-', '.')}",
    )
    for path in files.tomograms:
        require_tomogram_name(path)
    require_other_files(files.all, [*input_files(opened), series.angle_file])
    settings = correction_settings(opened, computing, wedge, adapt_minutes=adapt.minutes)
    settings = replace(settings, denoised=results.denoised)
    job = correct_into(files, opened, settings, alpha=alpha, full_size=results.full_size)
    result = run_job(job)
    count = int(result.synthesized.sum())
    were = "tilt was" if count == 1 else "tilts were"
    note(f"{count} {were} synthesized; {files.record.name} lists them.")
    note(result.alteration.times(alpha).sentence)
    if results.denoised:
        note(f"{files.denoised.name} is synthesized throughout: no measured pixel is in it.")
    tell_written(files.all)

"""`napari-lbn reconstruct`: a tomogram by any method, with synthesized tilts on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_lbn.engine.errors import InputError

from .method_options import (
    AugmentOptions,
    Method,
    MethodOptions,
    TomogramOptions,
    method_settings,
)
from .options import OUTPUT, ComputingOptions, SeriesOptions, WedgeOptions
from .output import label, require_mrc_name, require_other_files, tell_written
from .progress import note, run_job
from .series import open_series
from .settings import correction_settings, require_thickness, require_usable, told_thickness
from .tomogram_output import write_tomogram

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction import MethodSettings, TiltSource
    from napari_lbn.engine.tilt_series import TiltSeries

OutOption = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="Tomogram to write (.mrc).",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


def reconstruct(
    series: SeriesOptions,
    computing: ComputingOptions,
    method: MethodOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
    tomogram: TomogramOptions,
    out: OutOption,
) -> None:
    """Reconstruct by weighted back-projection, SIRT or total variation.

    Of the measured tilts alone, unless --lbn adds synthesized ones. The WBP tomogram is
    NAME_wbp.mrc of the command correct at the same binning. Without --lbn the series keeps
    its pixel size unless --bin says otherwise, and --weights is not used.
    """
    opened = open_series(series)
    require_usable(opened)
    require_thickness(computing.thickness, opened)
    require_mrc_name(out)
    require_other_files([out, out.with_suffix(".json")], [opened.source, series.tilt_angles])
    if method.non_negative and (augment.lbn or method.method is Method.WBP):
        raise InputError(
            "--non-negative takes tilts as projected density, for SIRT and TV of measured tilts.",
            "Leave it out, or leave out --lbn.",
        )
    if augment.lbn:
        source, working, thickness, record = _augmented(opened, computing, augment, wedge)
    else:
        source, working, thickness, record = _measured(opened, computing, method)
    settings = method_settings(method, computing, thickness)
    record["resumed_with"] = {"inverted": opened.inverted, "options": repr(method)}
    lines = [label(opened, _content(settings, augment))]
    written = write_tomogram(source, settings, working, (out, lines), tomogram, record)
    tell_written(written)


def _measured(
    opened: TiltSeries, computing: ComputingOptions, method: MethodOptions
) -> tuple[TiltSource, TiltSeries, int, dict[str, Any]]:
    from napari_lbn.engine.binning import bin_series
    from napari_lbn.engine.correct import measure_intensities
    from napari_lbn.engine.correct.sources import measured_source
    from napari_lbn.engine.provenance import describe_series

    binning = computing.bin or 1
    binned_size = None if opened.pixel_size is None else opened.pixel_size * binning
    thickness = computing.thickness or told_thickness(binned_size)
    working = bin_series(opened, binning)
    stats = measure_intensities(working)
    if method.non_negative and stats.are_counts:
        note("--non-negative: if these are bright-field counts, give -ln of them instead.")
    source = measured_source(working, stats, subtract=not method.non_negative)
    return source, working, thickness, {**describe_series(opened), "binning": binning}


def _augmented(
    opened: TiltSeries,
    computing: ComputingOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
) -> tuple[TiltSource, TiltSeries, int, dict[str, Any]]:
    from napari_lbn.engine.correct.sources import augmented_source

    from .settings import require_pixel_size

    require_pixel_size(opened)
    settings = correction_settings(opened, computing, wedge)
    made = run_job(augmented_source(opened, settings, alpha=augment.alpha))
    return made.source, made.series, settings.thickness, made.provenance


def _content(settings: MethodSettings, augment: AugmentOptions) -> str:
    from napari_lbn.engine.reconstruction import SIRTSettings, WBPSettings

    tilts = "measured tilts"
    if augment.lbn:
        tilts = f"measured + {augment.alpha:g} x synthesized tilts (LBN)"
    if isinstance(settings, WBPSettings):
        return f"WBP, {settings.filter} filter, {tilts}"
    name = "SIRT" if isinstance(settings, SIRTSettings) else "TV"
    return f"{name}, {settings.iterations} iterations, {tilts}"

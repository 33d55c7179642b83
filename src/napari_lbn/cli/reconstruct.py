"""`napari-lbn reconstruct`: a tomogram by any method, with synthesized tilts on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from .output import (
    label,
    record_path,
    require_other_files,
    require_tomogram_name,
    tell_written,
)
from .series import open_series
from .settings import require_thickness, require_usable
from .tilts import augmented_tilts, measured_tilts
from .tomogram_output import write_tomogram

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction import MethodSettings

OutOption = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="Tomogram to write (.mrc or .ome.zarr).",
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
    require_tomogram_name(out)
    require_other_files([out, record_path(out)], [opened.source, series.angle_file])
    if method.non_negative and (augment.lbn or method.method is Method.WBP):
        raise InputError(
            "--non-negative takes tilts as projected density, for SIRT and TV of measured tilts.",
            "Leave it out, or leave out --lbn.",
        )
    made = (
        augmented_tilts(opened, computing, augment, wedge, resume=tomogram.resume)
        if augment.lbn
        else measured_tilts(opened, computing, subtract=not method.non_negative)
    )
    settings = method_settings(method, computing, made.thickness)
    target = out, [label(opened, _content(settings, augment))]
    tell_written(write_tomogram(made.source, settings, made.series, target, tomogram, made.record))


def _content(settings: MethodSettings, augment: AugmentOptions) -> str:
    from napari_lbn.engine.reconstruction import SIRTSettings, WBPSettings

    tilts = "measured tilts"
    if augment.lbn:
        tilts = f"measured + {augment.alpha:g} x synthesized tilts (LBN)"
    if isinstance(settings, WBPSettings):
        return f"WBP, {settings.filter} filter, {tilts}"
    name = "SIRT" if isinstance(settings, SIRTSettings) else "TV"
    return f"{name}, {settings.iterations} iterations, {tilts}"

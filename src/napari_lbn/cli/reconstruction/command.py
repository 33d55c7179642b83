"""`napari-lbn reconstruct`: a tomogram by any method, with synthesized tilts on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.provenance import header_line

from ..options import ComputingOptions, SeriesOptions, WedgeOptions
from ..output import tell_written
from .options import (
    AugmentOptions,
    Method,
    MethodOptions,
    TomogramOptions,
    method_settings,
    require_effect,
)
from .output import open_for_tomogram, write_tomogram
from .tilts import chosen_tilts

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction import MethodSettings

    from .tilts import Tilts


def reconstruct(
    series: SeriesOptions,
    computing: ComputingOptions,
    method: MethodOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
    tomogram: TomogramOptions,
) -> None:
    """Reconstruct by weighted back-projection, SIRT or total variation.

    Of the measured tilts alone, unless --lbn adds synthesized ones. The WBP tomogram is
    NAME_wbp.mrc of the command correct at the same binning. Without --lbn the series keeps
    its pixel size unless --bin says otherwise, and --weights is not used.
    """
    require_effect(method, computing, augment, wedge)
    opened = open_for_tomogram(series, computing, tomogram)
    if method.non_negative and (augment.lbn or method.method is Method.WBP):
        raise InputError(
            "--non-negative takes tilts as projected density, for SIRT and TV of measured tilts.",
            "Leave it out, or leave out --lbn.",
        )
    subtract, resume = not method.non_negative, tomogram.resume
    made = chosen_tilts(opened, computing, augment, wedge, resume=resume, subtract=subtract)
    settings = method_settings(method, computing, made.thickness, made.held)
    lines = [header_line(opened, _content(settings, made))]
    tell_written(write_tomogram(made.source, settings, made.series, lines, tomogram, made.record))


def _content(settings: MethodSettings, made: Tilts) -> str:
    from napari_lbn.engine.reconstruction import SIRTSettings, WBPSettings

    if isinstance(settings, WBPSettings):
        return f"WBP, {settings.filter} filter, {made.in_words}"
    name = "SIRT" if isinstance(settings, SIRTSettings) else "TV"
    return f"{name}, {settings.iterations} iterations, {made.in_words}"

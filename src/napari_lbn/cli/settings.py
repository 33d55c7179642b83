"""Engine settings from options, and what every computation asks of a series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_lbn.engine.errors import InputError

from .progress import note
from .series import default_thickness, memory_bytes
from .weights import fetch_told

if TYPE_CHECKING:
    from napari_lbn.engine.correct import CorrectionSettings
    from napari_lbn.engine.tilt_series import TiltSeries

    from .options import ComputingOptions, WedgeOptions


def require_usable(series: TiltSeries) -> None:
    """Tell what is odd about a series; refuse it where nothing good can come of it.

    Raises
    ------
    InputError
        The first finding that is an error.
    """
    from napari_lbn.engine.io.checks.series import check_tilt_series

    for finding in check_tilt_series(series):
        if finding.severity == "error":
            raise InputError(finding.message, finding.remedy)
        note(f"{finding.message} {finding.remedy}".strip())
    if series.history.get("angles_were_sorted"):
        note(f"{series.name}: its images are not in the order of the angles; they were sorted.")


def require_pixel_size(series: TiltSeries) -> None:
    """Refuse a series of unknown pixel size: weights know a range of them."""
    if series.pixel_size is None:
        raise InputError(
            f"{series.name}: the pixel size is unknown, and the network needs it.",
            "Give it in Å with --pixel-size.",
        )


def require_alpha(alpha: float) -> None:
    """Refuse a share of the synthesized part outside of 0 to 1, NaN included."""
    if not 0 <= alpha <= 1:
        raise InputError(f"--alpha must be 0 to 1, not {alpha:g}.", "0 is plain WBP.")


def require_thickness(thickness: int | None, series: TiltSeries) -> None:
    """Refuse a thickness that no specimen has (`napari_lbn.engine.thickness`)."""
    from napari_lbn.engine import thickness as engine

    engine.require_thickness(thickness, series.image_shape[1], series.name)


def correction_settings(
    series: TiltSeries,
    computing: ComputingOptions,
    wedge: WedgeOptions,
    *,
    adapt_minutes: float = 0.0,
    quiet: bool = False,
) -> CorrectionSettings:
    """Settings of `napari_lbn.engine.correct.correct`; the thickness is 200 nm if not given."""
    from napari_lbn.engine.correct import CorrectionSettings, working_pixel_size

    fetch_told(computing.weights)
    settings = CorrectionSettings(
        thickness=computing.thickness or default_thickness(series.pixel_size),
        weights=computing.weights,
        device=computing.device,
        increment=wedge.increment,
        fill_gaps=wedge.fill_gaps,
        smooth=not wedge.no_smooth,
        filter=computing.filter.value,
        memory_bound=memory_bytes(computing.memory),
        binning=computing.bin,
        reproject_measured=False,
        adapt_minutes=adapt_minutes,
        jackknife=wedge.jackknife,
        mirrored=wedge.mirrored,
    )
    if computing.thickness is not None:
        return settings
    choose = default_thickness if quiet else told_thickness
    return replace(settings, thickness=choose(working_pixel_size(series, settings)))


def told_thickness(pixel_size: float | None) -> int:
    """The default thickness, said aloud."""
    thickness = default_thickness(pixel_size)
    nanometres = "" if pixel_size is None else f" ({thickness * pixel_size / 10:.0f} nm)"
    note(f"The thickness is {thickness} pixels{nanometres}; --thickness changes it.")
    return thickness

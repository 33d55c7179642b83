"""What every result says about how it came about."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from napari_lbn import __version__

if TYPE_CHECKING:
    from .correct.plan import CorrectionPlan
    from .correct.settings import CorrectionSettings
    from .tilt_series import TiltSeries

BOX, WHOLE = "the reconstruction box alone", "the whole specimen"
"""What tilts synthesized beyond the measured range show."""


def header_line(series: TiltSeries, content: str) -> str:
    """A line for the header of a file: what it holds, and of which series."""
    inverted = ", tilt angles inverted" if series.inverted else ""
    return f"{content} of {series.name}{inverted}"


def describe_series(series: TiltSeries) -> dict[str, Any]:
    """JSON-able provenance of a tilt series."""
    return {
        "program": f"napari-lbn {__version__}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": None if series.source is None else str(series.source),
        "pixel_size": series.pixel_size,
        "measured_angles": [round(float(a), 4) for a in series.included_angles],
        "excluded_angles": [round(float(series.angles[i]), 4) for i in sorted(series.excluded)],
        "inverted_angles": series.inverted,
        "history": {key: _plain(value) for key, value in series.history.items()},
    }


def describe_run(
    original: TiltSeries,
    working: TiltSeries,
    plan: CorrectionPlan,
    settings: CorrectionSettings,
) -> dict[str, Any]:
    """JSON-able provenance of a correction."""
    options = {key: _plain(value) for key, value in asdict(settings).items()}
    return {
        **describe_series(original),
        "pixel_size": working.pixel_size,
        "binning": plan.binning,
        "original_pixel_size": original.pixel_size,
        "synthesized_band_limit": band_limit(working.pixel_size),
        "weights": {"name": plan.weights.name, "sha256": plan.weights.sha256},
        "synthesized_angles": [round(float(a), 4) for a in plan.new_angles],
        "wedge_tilts_show": BOX if plan.weights.config.get("box_widths") else WHOLE,
        "thickness": plan.thickness,
        "options": options,
    }


def band_limit(pixel_size: float | None) -> float | None:
    """Finest detail in Å that tilts synthesized at this working pixel size (Å) can hold.

    It stays when they are padded to the finer pixels of the original series.
    """
    return None if pixel_size is None else 2 * pixel_size


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    return str(value)

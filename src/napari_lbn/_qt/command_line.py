"""The command that does without a screen what the dock is set to do."""

from __future__ import annotations

import shlex
from typing import Any

from napari_lbn.engine.io.choose_angles import GIVEN
from napari_lbn.engine.tilt_series import TiltSeries

from .session import Options

IN_MEMORY = "The tilt series is in no file, so there is no command for it."
TYPED = "The tilt angles were typed here. Put them in a .tlt file beside the stack for a command."


def why_no_command(series: TiltSeries) -> str:
    """Why no command does the same; empty where one does."""
    if series.source is None:
        return IN_MEMORY
    typed = series.history.get("angles") == GIVEN and "angles_given" not in series.history
    return TYPED if typed else ""


def command_line(series: TiltSeries, options: Options, plan: Any, alpha: float) -> str:
    """A ``napari-lbn correct`` command.

    Parameters
    ----------
    series : TiltSeries
        Read from a file.
    options : Options
        What the user chose.
    plan : CorrectionPlan
        Its thickness is in pixels of the binned series, as the command takes it.
    alpha : float
        Share of the synthesized part.
    """
    assert series.source is not None
    words = ["napari-lbn", "correct", str(series.source)]
    words += ["--out", str(series.source.parent / f"{series.name}_lbn")]
    words += ["--thickness", str(plan.thickness), "--weights", options.weights]
    words += _alignment(series)
    if "angles_given" in series.history:
        words += [f"--tilt-angles={series.history['angles_given']}"]
    if options.binning is not None:
        words += ["--bin", str(options.binning)]
    if options.device != "auto":
        words += ["--device", options.device]
    if options.increment is not None:
        words += ["--increment", f"{options.increment:g}"]
    if options.filter != "ramp":
        words += ["--filter", options.filter]
    if options.fill_gaps:
        words.append("--fill-gaps")
    if series.inverted:
        words.append("--invert-tilt-angles")
    if series.excluded:
        sections = sorted(int(series.sections[i]) + 1 for i in series.excluded)
        words += ["--exclude", ",".join(map(str, sections))]
    if alpha != 1:
        words += ["--alpha", f"{alpha:g}"]
    return shlex.join(words)


def _alignment(series: TiltSeries) -> list[str]:
    """The pixel size and, for a raw stack aligned while it is read, its alignment."""
    words = []
    pixel_size = series.pixel_size
    if "alignment_file" in series.history:
        words += ["--alignment", str(series.history["alignment_file"])]
        pixel_size = getattr(series.images, "raw_pixel_size", None) if pixel_size else None
        if series.history.get("alignment_pixel_size") is not None:
            words += ["--alignment-pixel-size", f"{series.history['alignment_pixel_size']:g}"]
    if pixel_size is not None:
        words += ["--pixel-size", f"{pixel_size:g}"]
    return words

"""The command that does without a screen what the dock is set to do."""

from __future__ import annotations

import shlex
from typing import Any

from napari_lbn.engine.io.angles.choose import GIVEN
from napari_lbn.engine.tilt_series import TiltSeries

from .options import Options

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
    words = ["napari-lbn", "correct", *_source(series)]
    words += ["--out", str(series.source.parent / f"{series.name}_lbn")]
    words += ["--thickness", str(plan.thickness), "--weights", options.weights]
    words += [*_pixel_size(series), *_angles(series), *_tilts(series)]
    if options.binning is not None:
        words += ["--bin", str(options.binning)]
    if options.device != "auto":
        words += ["--device", options.device]
    if options.increment is not None:
        words += ["--increment", _exact(options.increment)]
    if options.filter != "ramp":
        words += ["--filter", options.filter]
    if options.fill_gaps:
        words.append("--fill-gaps")
    if options.adapt:
        words.append("--adapt")
    if options.denoised:
        words.append("--denoised")
    if options.jackknife:
        words += ["--jackknife", str(options.jackknife_groups)]
    if options.mirrored:
        words.append("--mirrored")
    if alpha != 1:
        words += ["--alpha", _exact(alpha)]
    return shlex.join(words)


def _exact(value: float) -> str:
    """As short as gives the same number again."""
    return repr(float(value)).removesuffix(".0")


def _source(series: TiltSeries) -> list[str]:
    """The stack and, where it is aligned while it is read, its alignment."""
    source, alignment = str(series.source), series.history.get("alignment_file")
    return [source] if alignment in (None, source) else [source, "--alignment", str(alignment)]


def _pixel_size(series: TiltSeries) -> list[str]:
    words: list[str] = []
    size, counted = series.pixel_size, series.history.get("alignment_pixel_size")
    if "alignment_file" in series.history:
        size = getattr(series.images, "raw_pixel_size", None) if size else None
    if counted is not None:
        words += ["--alignment-pixel-size", _exact(counted)]
    return words if size is None else [*words, "--pixel-size", _exact(size)]


def _angles(series: TiltSeries) -> list[str]:
    """Angles that the user gave; those that lie beside the stack are found again."""
    given = series.history.get("angles_given")
    words = [] if given is None else [f"--tilt-angles={given}"]
    return [*words, "--invert-tilt-angles"] if series.inverted else words


def _tilts(series: TiltSeries) -> list[str]:
    """Tilts that the user took out, and those that the user took back in."""
    told = set(series.history.get("excluded_by_alignment", ()))
    excluded = {int(series.section_numbers[tilt]) for tilt in series.excluded} - told
    included = {int(series.section_numbers[tilt]) for tilt in series.included} & told
    words = ["--exclude", ",".join(map(str, sorted(excluded)))] if excluded else []
    return [*words, "--include", ",".join(map(str, sorted(included)))] if included else words

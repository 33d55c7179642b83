"""The tilt series that the options describe."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from napari_lbn.engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_lbn.engine.io.angles.choose import AngleSource
    from napari_lbn.engine.tilt_series import TiltSeries

    from .options import SeriesOptions

DEFAULT_THICKNESS_A = 2000.0
DEFAULT_THICKNESS_PX = 200
"""Where the pixel size is unknown."""
MOST_MEMORY_GB = 1_000_000


def open_series(options: SeriesOptions) -> TiltSeries:
    """Open the file, or make the sample, and exclude what the user excludes.

    Raises
    ------
    InputError
        Neither a file nor the sample, both, or a file that cannot be used.
    """
    if options.sample == (options.series is not None):
        raise InputError(
            "Which tilt series?", "Give a file, or --sample for the simulated one, not both."
        )
    series = _sample(options) if options.sample else _open(options)
    if options.include is not None:
        series = include_sections(series, _sections(options.include, "--include"))
    if options.exclude is not None:
        series = exclude_sections(series, _sections(options.exclude, "--exclude"))
    return series


def _open(options: SeriesOptions) -> TiltSeries:
    from napari_lbn.engine.io import open_tilt_series

    assert options.series is not None
    return open_tilt_series(
        options.series,
        angles=_angle_source(options.tilt_angles),
        pixel_size=options.pixel_size,
        invert=options.invert_tilt_angles,
        alignment=options.alignment,
        alignment_pixel_size=options.alignment_pixel_size,
    )


def _sample(options: SeriesOptions) -> TiltSeries:
    from napari_lbn.engine.simulation import sample_series

    known = (
        options.tilt_angles,
        options.pixel_size,
        options.alignment,
        options.alignment_pixel_size,
    )
    if any(value is not None for value in known):
        raise InputError("The sample's tilt angles and pixel size are known; leave them out.")
    series, _ = sample_series()
    return series.with_inverted_angles() if options.invert_tilt_angles else series


def _angle_source(text: str | None) -> AngleSource | None:
    """An angle file, or even steps: ``-60:3``."""
    from napari_lbn.engine.io.angles.choose import EvenAngles

    first, colon, step = (text or "").partition(":")
    if text is None or not colon or Path(text).is_file():
        return text
    try:
        even = EvenAngles(first=float(first), step=float(step))
    except ValueError:
        return text  # a drive of Windows, or a file that is not there
    if not math.isfinite(even.first) or not math.isfinite(even.step) or even.step == 0:
        raise InputError(
            f"--tilt-angles: {text!r} is no first angle and step.", "Write it like -60:3."
        )
    return even


def _sections(text: str, option: str) -> list[int]:
    from napari_lbn.engine.io.files.text_input import parse_sections

    return parse_sections(text, option)


def exclude_sections(series: TiltSeries, sections: list[int]) -> TiltSeries:
    """Exclude tilts by section of the file, counted from 1.

    Raises
    ------
    InputError
        No such section, or fewer than two tilts left.
    """
    excluded = series.excluded | _tilts(series, sections, "--exclude")
    remaining = series.n_tilts - len(excluded)
    if remaining < 2:
        raise InputError(f"--exclude leaves {remaining} of {series.n_tilts} tilts: too few.")
    return series.with_excluded(excluded)


def include_sections(series: TiltSeries, sections: list[int]) -> TiltSeries:
    """Use tilts that the alignment excludes, by section of the file, counted from 1.

    Raises
    ------
    InputError
        No such section.
    """
    return series.with_excluded(series.excluded - _tilts(series, sections, "--include"))


def _tilts(series: TiltSeries, sections: list[int], option: str) -> frozenset[int]:
    tilt_of = {int(number): i for i, number in enumerate(series.section_numbers)}
    unknown = [section for section in sections if section not in tilt_of]
    if unknown:
        aligned = "" if series.file_sections is None else " that its alignment aligns"
        raise InputError(
            f"{option}: {series.name} has no section {unknown[0]}{aligned}.",
            f"Its sections are {_ranges(tilt_of)}.",
        )
    return frozenset(tilt_of[section] for section in sections)


def _ranges(numbers: Iterable[int]) -> str:
    """Whole numbers as `1-3, 5`."""
    ordered = sorted(numbers)
    starts = [n for n in ordered if n - 1 not in ordered]
    stops = [n for n in ordered if n + 1 not in ordered]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def default_thickness(pixel_size: float | None) -> int:
    """200 nm in pixels, or 200 pixels where the pixel size is unknown."""
    if pixel_size is None:
        return DEFAULT_THICKNESS_PX
    return max(round(DEFAULT_THICKNESS_A / pixel_size), 1)


def parse_angles(text: str) -> list[float]:
    """Tilt angles typed as ``-75,-72.5`` or ``-60:3:60``, or held by an angle file.

    Raises
    ------
    InputError
        Neither, or an angle beyond 90 degrees.
    """
    from napari_lbn.engine.io import read_angles
    from napari_lbn.engine.io.angles.typed import parse_typed_angles

    if Path(text).is_file():
        angles = [float(angle) for angle in read_angles(Path(text)).angles]
    else:
        try:
            angles = parse_typed_angles(text).tolist()
        except InputError as error:
            raise InputError(
                f"--angles {text!r} is no file, and as a list: {error.message}",
                f"{error.remedy} Or name a .tlt file.",
            ) from None
    beyond = [angle for angle in angles if not abs(angle) <= 90]  # also catches NaN
    if not angles or beyond:
        wrong = f"{beyond[0]:g} is no tilt angle" if beyond else "the list is empty"
        raise InputError(f"--angles: {wrong}.", "Tilt angles lie between -90 and 90 degrees.")
    return angles


def memory_bytes(gigabytes: float | None) -> int | None:
    """The user's memory bound in bytes.

    Raises
    ------
    InputError
        Not above zero, or more than any machine has.
    """
    if gigabytes is None:
        return None
    if not 0 < gigabytes <= MOST_MEMORY_GB:
        raise InputError(
            f"--memory must be above 0 GB and at most {MOST_MEMORY_GB:,}, not {gigabytes:g}.",
            "Give the gigabytes that the program may take, like --memory 4.",
        )
    return int(gigabytes * 1e9)

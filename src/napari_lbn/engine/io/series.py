"""Opening a tilt series: images, angles and pixel size brought together and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..tilt_series import TiltSeries
from .angles import (
    MRC_SUFFIXES,
    AngleTable,
    MissingAnglesError,
    angle_files,
    extended_angles,
    read_angles,
)
from .mrc import MrcHeader, map_mrc, read_mrc_header
from .tiff import open_tiff, tiff_shape

TIFF_SUFFIXES = (".tif", ".tiff")
STACK_SUFFIXES = (".st", ".ali", ".preali")
VOLUME_SUFFIXES = (".rec", ".map")
VOLUME_ENDINGS = ("_rec", "_rec_full")
UPRIGHT = 90.0
SMALL_RANGE = 5.0
"""Degrees; a smaller tilt range is probably not in degrees."""
SAME_SERIES = 2.0
"""Degrees by which refined angles may differ from an mdoc's, apart from a common offset."""

AngleSource = str | Path | Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class _Stack:
    """Images of a file, before their angles are known."""

    images: Any
    pixel_size: float | None
    header: MrcHeader | None
    warnings: tuple[str, ...]


def open_tilt_series(
    path: str | Path,
    *,
    angles: AngleSource | None = None,
    pixel_size: float | None = None,
    invert: bool = False,
) -> TiltSeries:
    """Open an aligned tilt series; the images stay in the file.

    Parameters
    ----------
    path : path
        MRC stack (modes 0, 1, 2, 6, 12) or TIFF stack.
    angles : path or sequence of float, optional
        Degrees, one for each image, in the file's order. By default the angle file beside the
        stack, or else the stack's extended header.
    pixel_size : float, optional
        Å. By default the header's, or else that of the angles' source.
    invert : bool
        Change the sign of every angle; recorded in the series.

    Returns
    -------
    TiltSeries
        Tilts ascending in angle. ``history`` holds the angles' source, the pixel size's source
        and the warnings.

    Raises
    ------
    InputError
        A file that cannot be read, no or wrong angles, fewer than two images.
    """
    path = Path(path)
    stack = _open_stack(path)
    warnings = list(stack.warnings)
    count = stack.images.shape[0]
    _require_images(path, stack.images.shape)
    table = _find_angles(path, stack, angles, count, warnings)
    values, sorting = _sorted(path, table, warnings)
    size, size_source = _choose_pixel_size(path, pixel_size, stack, table, warnings)
    series = TiltSeries(
        images=stack.images,
        angles=values,
        sections=sorting,
        pixel_size=size,
        name=path.stem,
        source=path,
        order=None if table.order is None else table.order[sorting],
        dose=None if table.dose is None else table.dose[sorting],
        history={
            "angles": table.source,
            "angles_were_sorted": not np.array_equal(sorting, np.arange(count)),
            "pixel_size": size_source,
            "warnings": warnings,
        },
    )
    return series.with_inverted_angles() if invert else series


def is_tilt_series(path: str | Path) -> bool:
    """True where a file is to be opened as a tilt series. Cheap; never raises.

    It is one with angles beside it or in its extended header, or where its header says that it
    is a stack of images. Volumes (space group 1 without angles, ``.rec``, ``…_rec.mrc``) are not.
    """
    try:
        return _is_tilt_series(Path(path))
    except Exception:
        return False


def _is_tilt_series(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        return any(True for _ in angle_files(path)) and len(tiff_shape(path)) == 3
    named_volume = suffix in VOLUME_SUFFIXES or path.stem.endswith(VOLUME_ENDINGS)
    if suffix not in MRC_SUFFIXES or named_volume:
        return False
    header = read_mrc_header(path)
    if header.shape[0] < 2:
        return False
    named_stack = header.space_group == 0 and suffix in STACK_SUFFIXES
    return (
        header.is_image_stack
        or named_stack
        or extended_angles(header) is not None
        or any(_angle_count(file) == header.shape[0] for file in angle_files(path))
    )


def _angle_count(path: Path) -> int:
    try:
        return len(read_angles(path).angles)
    except InputError:
        return 0


def _open_stack(path: Path) -> _Stack:
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        images, size = open_tiff(path)
        return _Stack(images=images, pixel_size=size, header=None, warnings=())
    header = read_mrc_header(path)
    warnings = tuple(f"{path.name}: {warning}" for warning in header.warnings)
    return _Stack(
        images=map_mrc(path, header),
        pixel_size=header.pixel_size,
        header=header,
        warnings=warnings,
    )


def _require_images(path: Path, shape: tuple[int, ...]) -> None:
    if shape[0] < 2:
        raise InputError(
            f"{path} holds one image of {shape[1]} × {shape[2]} (y × x), not a tilt series.",
            "A tilt series is a stack of two or more images at different tilt angles.",
        )


def _find_angles(
    path: Path,
    stack: _Stack,
    given: AngleSource | None,
    count: int,
    warnings: list[str],
) -> AngleTable:
    """The angles that were given, or the best found; as many as images."""
    if given is not None:
        table = _given_angles(given)
        if len(table.angles) != count:
            raise _wrong_count(path, table, count)
        return table
    refused: list[InputError] = []
    for file in angle_files(path):
        try:
            table = read_angles(file)
        except InputError as error:
            refused.append(error)
            continue
        if len(table.angles) == count:
            warnings += [f"{error} {file.name} was used instead." for error in refused]
            return _with_acquisition(path, table, file)
        refused.append(_wrong_count(path, table, count))
    in_header = None if stack.header is None else extended_angles(stack.header)
    if in_header is not None:
        warnings += [f"{error} The extended header was used instead." for error in refused]
        return in_header
    if refused:
        raise refused[0]
    raise MissingAnglesError(
        f"No tilt angles were found for {path}: there is no {path.stem}.tlt, "
        f"{path.stem}.rawtlt or {path.name}.mdoc beside it, and its header holds none.",
        "Give an angle file or type the angles.",
    )


def _given_angles(given: AngleSource) -> AngleTable:
    if isinstance(given, str | Path):
        return read_angles(given)
    try:
        values = np.asarray(list(given), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("The tilt angles that were given are not all numbers.") from error
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(f"Tilt angle {bad[0] + 1} of {values.size} is not a finite number.")
    return AngleTable(angles=values, source="given by the user")


def _wrong_count(path: Path, table: AngleTable, count: int) -> InputError:
    return InputError(
        f"{table.source} has {len(table.angles)} tilt angles, but {path.name} has {count} images.",
        "Give the angle file that belongs to this stack, with one angle for each image.",
    )


def _with_acquisition(path: Path, table: AngleTable, used: Path) -> AngleTable:
    """Add order, exposure and pixel size from an mdoc of the same stack, where one agrees."""
    if table.order is not None or used.suffix.lower() == ".mdoc":
        return table
    for file in angle_files(path):
        if file.suffix.lower() != ".mdoc":
            continue
        try:
            mdoc = read_angles(file)
        except InputError:
            continue
        if len(mdoc.angles) != len(table.angles):
            continue
        difference = mdoc.angles - table.angles
        if np.abs(difference - np.median(difference)).max() <= SAME_SERIES:
            return AngleTable(
                angles=table.angles,
                order=mdoc.order,
                dose=mdoc.dose,
                source=f"{table.source} (acquisition: {file.name})",
                pixel_size=mdoc.pixel_size,
            )
    return table


def _sorted(
    path: Path, table: AngleTable, warnings: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Ascending angles and the section of each; what is odd about them is added to warnings."""
    sorting = np.argsort(table.angles, kind="stable")
    values = table.angles[sorting]
    span = float(values[-1] - values[0])
    if span == 0:
        raise InputError(
            f"{path.name}: all {len(values)} tilt angles are {values[0]:g}° ({table.source}).",
            "Give the angle file that belongs to this stack.",
        )
    repeated = np.unique(values[1:][np.diff(values) < 1e-3])
    if repeated.size:
        listed = ", ".join(f"{angle:g}°" for angle in repeated[:5])
        warnings.append(
            f"{table.source}: tilt angles occur more than once ({listed}). "
            "Exclude the poorer image of each pair."
        )
    if span < SMALL_RANGE and len(values) > 3:
        warnings.append(
            f"{table.source}: the tilt range is only {span:.2f}°. Are the angles in degrees?"
        )
    if np.abs(values).max() > UPRIGHT:
        warnings.append(
            f"{table.source}: angles reach {values[np.abs(values).argmax()]:g}°, beyond ±90°. "
            "Is this the right angle file?"
        )
    return values, sorting


def _choose_pixel_size(
    path: Path,
    given: float | None,
    stack: _Stack,
    table: AngleTable,
    warnings: list[str],
) -> tuple[float | None, str]:
    """The pixel size in Å, and where it came from."""
    if given is not None:
        if not np.isfinite(given) or given <= 0:
            raise InputError(f"The pixel size must be above 0 Å, not {given:g}.")
        return float(given), "given by the user"
    if stack.pixel_size is not None:
        return stack.pixel_size, "header"
    if table.pixel_size is not None:
        return table.pixel_size, table.source
    in_header = None if stack.header is None else extended_angles(stack.header)
    if in_header is not None and in_header.pixel_size is not None:
        return in_header.pixel_size, in_header.source
    warnings.append(f"{path.name}: the pixel size is unknown. Give it in Å.")
    return None, "unknown"

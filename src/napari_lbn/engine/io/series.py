"""Opening a tilt series: images, angles and pixel size brought together and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..tilt_series import TiltSeries
from .angles import AngleTable, extended_angles
from .choose_angles import AngleSource, find_angles
from .stack import Stack, open_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

UPRIGHT = 90.0
SMALL_RANGE = 5.0
"""Degrees; a smaller tilt range is probably not in degrees."""


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
    stack = open_stack(path)
    warnings = list(stack.warnings)
    count = stack.images.shape[0]
    _require_images(path, stack.images.shape)
    table = find_angles(path, stack, angles, count, warnings)
    values, sorting = _sorted(path, table, warnings)
    size, size_source = _choose_pixel_size(pixel_size, stack, table)
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


def _require_images(path: Path, shape: tuple[int, ...]) -> None:
    if shape[0] < 2:
        raise InputError(
            f"{path} holds one image of {shape[1]} × {shape[2]} (y × x), not a tilt series.",
            "A tilt series is a stack of two or more images at different tilt angles.",
        )


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
    given: float | None,
    stack: Stack,
    table: AngleTable,
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
    return None, "unknown"

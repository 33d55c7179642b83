"""Which angles a stack gets: those given by the user, or the best that lie beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .read import AngleTable, MissingAnglesError, angle_files, extended_angles, read_angles

if TYPE_CHECKING:
    from ..stack import Stack


@dataclass(frozen=True, kw_only=True)
class EvenAngles:
    """Angles in even steps, for a stack whose angles are in no file.

    Attributes
    ----------
    first, step : float
        Degrees; of the stack's first section, and from one section to the next.
    """

    first: float
    step: float

    def of(self, count: int) -> NDArray[np.float64]:
        """``(count,)`` degrees."""
        return self.first + self.step * np.arange(count, dtype=np.float64)


AngleSource: TypeAlias = str | Path | EvenAngles | Sequence[float] | NDArray[np.floating]
"""An angle file, even steps, or degrees in the order of the stack's sections."""
UPRIGHT = 90.0
HALF_CIRCLE = 180.0
SMALL_RANGE = 5.0
"""Degrees; a smaller tilt range is probably not in degrees."""
FEW = 3
"""So few tilts may well lie close together."""
GIVEN = "given by the user"
"""Where angles came from that were given one by one."""
SAME_SERIES = 2.0
"""Degrees by which refined angles may differ from an mdoc's, apart from a common offset."""


def find_angles(
    path: Path,
    stack: Stack,
    given: AngleSource | None,
    count: int,
    warnings: list[str],
) -> AngleTable:
    """The angles that were given, or the best found; as many as images."""
    if given is not None:
        table = given_angles(given, count)
        if len(table.angles) != count:
            raise wrong_count(path.name, table, count)
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
            return with_acquisition(path, table, file)
        refused.append(wrong_count(path.name, table, count))
    in_header = None if stack.header is None else extended_angles(stack.header)
    if in_header is not None:
        warnings += [f"{error} The extended header was used instead." for error in refused]
        return in_header
    if refused:
        raise refused[0]
    raise MissingAnglesError(
        f"No tilt angles were found for {path}: there is no {path.stem}.tlt, "
        f"{path.stem}.rawtlt or {path.name}.mdoc beside it, and its header holds none.",
        "Give an angle file (--tilt-angles FILE) or type the angles (--tilt-angles=FIRST:STEP).",
    )


def given_angles(given: AngleSource, count: int) -> AngleTable:
    """The angles that the user gave for `count` images, by a file, in even steps or one by one."""
    if isinstance(given, str | Path):
        return read_angles(given)
    if isinstance(given, EvenAngles):
        source = f"given by the user: {given.first:g}° and steps of {given.step:g}°"
        return AngleTable(angles=given.of(count), source=source)
    try:
        values = np.asarray(list(given), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("The tilt angles that were given are not all numbers.") from error
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(f"Tilt angle {bad[0] + 1} of {values.size} is not a finite number.")
    return AngleTable(angles=values, source=GIVEN)


def as_recorded(given: AngleSource | None) -> dict[str, Any]:
    """What the history of a series keeps of angles that were given, so that they can be again."""
    if isinstance(given, str | Path):
        return {"angles_given": str(given)}
    if isinstance(given, EvenAngles):
        return {"angles_given": f"{given.first:.10g}:{given.step:.10g}"}
    return {}


def wrong_count(name: str, table: AngleTable, count: int) -> InputError:
    """The error of a table that is not that of `count` images."""
    return InputError(
        f"{table.source} has {len(table.angles)} tilt angles, but {name} has {count} images.",
        "Give the angle file that belongs to this stack, with one angle for each image.",
    )


def with_acquisition(path: Path, table: AngleTable, used: Path) -> AngleTable:
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


def sort_by_angle(
    name: str, table: AngleTable, warnings: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Ascending angles and the section of each; what is odd about them is added to warnings.

    Raises
    ------
    InputError
        They cannot be the tilt angles of a series.
    """
    sorting = np.argsort(table.angles, kind="stable")
    values = table.angles[sorting]
    span = float(values[-1] - values[0])
    if span == 0:
        raise InputError(
            f"{name}: all {len(values)} tilt angles are {values[0]:g}° ({table.source}).",
            "Give the angle file that belongs to this stack.",
        )
    if span < SMALL_RANGE and len(values) > FEW:
        raise InputError(
            f"{table.source}: the tilt range is only {span:.2f}°; the angles are not in degrees, "
            "or not those of a tilt series.",
            "Give the angle file that belongs to this stack, in degrees.",
        )
    if span < SMALL_RANGE:
        warnings.append(
            f"{table.source}: the tilt range is only {span:.2f}°. Are these angles in degrees?"
        )
    furthest = values[np.abs(values).argmax()]
    if abs(furthest) > HALF_CIRCLE:
        raise InputError(
            f"{table.source}: {furthest:g}° is no tilt angle.",
            "Give the angle file that belongs to this stack, in degrees.",
        )
    if abs(furthest) > UPRIGHT:
        warnings.append(
            f"{table.source}: angles reach {furthest:g}°, beyond ±90°. "
            "Is this the right angle file?"
        )
    return values, sorting

"""Which angles a stack gets: those given by the user, or the best that lie beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .angles import AngleTable, MissingAnglesError, angle_files, extended_angles, read_angles

if TYPE_CHECKING:
    from .stack import Stack

AngleSource: TypeAlias = str | Path | Sequence[float] | NDArray[np.floating]
"""An angle file, or degrees in the order of the stack's sections."""
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
        table = given_angles(given)
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
            return with_acquisition(path, table, file)
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


def given_angles(given: AngleSource) -> AngleTable:
    """The angles of a file or a sequence that the user gave."""
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

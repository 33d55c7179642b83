"""Tilt angles: where they are, and how each kind of file holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ..files.text_input import read_text
from ..mdoc.read import accumulated_dose, acquisition_order, read_mdoc
from ..mrc.extended_header import read_extended_header
from ..mrc.read import MrcHeader, read_mrc_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TEXT_SUFFIXES = (".tlt", ".rawtlt")
MRC_SUFFIXES = (".mrc", ".mrcs", ".st", ".ali", ".preali", ".rec", ".map")
ALIGNED_ENDINGS = ("_preali", "_ali")
"""What IMOD appends to a series' name; its angle files carry the bare name."""


class MissingAnglesError(InputError):
    """No tilt angles were found for a stack: ask the user for them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AngleTable:
    """Tilt angles in the order of the stack's sections.

    Attributes
    ----------
    angles : ndarray
        ``(n_sections,)`` degrees, as in the file, unsorted.
    order : ndarray or None
        ``(n_sections,)`` rank in time, 0 first.
    dose : ndarray or None
        ``(n_sections,)`` accumulated exposure before each section, e/Å².
    source : str
        Where the angles came from, for people.
    pixel_size : float or None
        Å, where the same source names it.
    """

    angles: NDArray[np.float64]
    order: NDArray[np.intp] | None = None
    dose: NDArray[np.float64] | None = None
    source: str = ""
    pixel_size: float | None = None


def read_angles(path: str | Path) -> AngleTable:
    """Read tilt angles from a file.

    Parameters
    ----------
    path : path
        ``.mdoc``, an MRC stack with angles in its extended header, or text with one angle in
        degrees a line (``.tlt``, ``.rawtlt``, any other name). AreTomo's text of two or three
        columns (angle, place in the acquisition, exposure) is read too.

    Raises
    ------
    InputError
        The file is absent, holds no angles, or a line that is not a number.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"The angle file {path} does not exist.", "Check the path.")
    suffix = path.suffix.lower()
    if suffix == ".mdoc":
        table = read_mdoc(path)
        return AngleTable(
            angles=table.angles,
            order=table.order,
            dose=table.dose,
            source=path.name,
            pixel_size=table.pixel_size,
        )
    if suffix in MRC_SUFFIXES:
        found = extended_angles(read_mrc_header(path))
        if found is None:
            raise InputError(f"{path} holds no tilt angles in its extended header.")
        return found
    return _read_text(path)


def find_angle_file(stack: str | Path) -> Path | None:
    """The angle file beside a stack: ``.tlt`` before ``.rawtlt`` before ``.mdoc``.

    Both namings of ``.mdoc`` are known (``TS.mdoc``, ``TS.mrc.mdoc``), and IMOD's habit of
    keeping the angles of ``TS_ali.mrc`` in ``TS.tlt``.
    """
    return next(angle_files(stack), None)


def angle_files(stack: str | Path) -> Iterator[Path]:
    """Every angle file beside a stack, the preferred one first."""
    stack = Path(stack)
    seen = set()
    for stem in _stems(stack):
        mdocs = [f"{stem}{suffix}.mdoc" for suffix in dict.fromkeys((stack.suffix, ".mrc", ".st"))]
        names = [f"{stem}{suffix}" for suffix in TEXT_SUFFIXES] + mdocs
        for name in (*names, f"{stem}.mdoc", f"{stem}_TLT.txt"):
            candidate = stack.with_name(name)
            if name not in seen and candidate.is_file():
                yield candidate
            seen.add(name)


def extended_angles(header: MrcHeader) -> AngleTable | None:
    """Angles in the extended header of an MRC stack, where it holds any."""
    record = read_extended_header(header)
    if record is None:
        return None
    times: list[float | None] = [None] * len(record.angles)
    order = None
    if record.times is not None:
        times = list(record.times)
        order = acquisition_order(times)
    dose = None
    if record.doses is not None and order is not None:
        dose = accumulated_dose(record.doses, order)
    return AngleTable(
        angles=record.angles,
        order=order,
        dose=dose,
        source=f"extended header, {record.kind}",
        pixel_size=record.pixel_size,
    )


def _stems(stack: Path) -> list[str]:
    """Names that a stack's angle files may carry."""
    stem = stack.stem.removesuffix(".ome") if stack.suffix == ".zarr" else stack.stem
    stems = list(dict.fromkeys((stem, stack.stem)))
    for ending in ALIGNED_ENDINGS:
        if stem.endswith(ending):
            stems.append(stem.removesuffix(ending))
            break
    return stems


def _read_text(path: Path) -> AngleTable:
    """Angles from text; blank lines and lines that start with # are skipped."""
    text = read_text(path, "list of tilt angles")
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            rows.append(_numbers(path, number, line))
    if not rows:
        raise InputError(f"{path} holds no tilt angles.", "It needs one angle a line, in degrees.")
    return _from_columns(path, rows)


def _numbers(path: Path, number: int, line: str) -> list[float]:
    """The numbers of one line."""
    try:
        values = [float(word) for word in line.split()]
    except ValueError as error:
        raise InputError(
            f"{path}, line {number}: “{line.strip()[:60]}” is not a tilt angle.",
            "The file needs one angle a line, in degrees, with a decimal point.",
        ) from error
    if not np.isfinite(values).all():
        raise InputError(
            f"{path}, line {number}: the tilt angle is not a finite number.",
            "Correct the file.",
        )
    return values


def _from_columns(path: Path, rows: list[list[float]]) -> AngleTable:
    """A table from one column of angles, or from AreTomo's angle, order and exposure."""
    widths = {len(row) for row in rows}
    if widths == {1}:
        return AngleTable(angles=np.array(rows)[:, 0], source=path.name)
    if widths in ({2}, {3}):
        columns = np.array(rows).T
        rank = columns[1] - columns[1].min()
        if np.array_equal(np.sort(rank), np.arange(len(rows))):
            order = rank.astype(np.intp)
            dose = accumulated_dose(columns[2], order) if widths == {3} else None
            return AngleTable(angles=columns[0], order=order, dose=dose, source=path.name)
    raise InputError(
        f"{path} is not a list of tilt angles: it has {max(widths)} numbers on a line.",
        "Give a file with one angle a line, in degrees (.tlt, .rawtlt), or a .mdoc file.",
    )

"""Opening a raw stack through its alignment: a tilt series whose images are aligned when read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..alignment.images import AlignedImages
from ..errors import InputError
from .alignments import read_alignment
from .alignments.files import PORTAL_ENDING
from .angles.choose import AngleSource, given_angles, with_acquisition
from .angles.read import AngleTable, angle_files
from .image_list import ImageList
from .stack import open_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..alignment.model import Alignment
    from .alignments import AlignmentFiles


@dataclass(frozen=True, kw_only=True)
class AlignedStack:
    """A raw stack and its alignment, brought together.

    Attributes
    ----------
    images : AlignedImages
        ``(row of the alignment, y, x)``.
    alignment : Alignment
    table : AngleTable
        Tilt angles, order and dose of each row.
    pixel_size : float or None
        Å of the aligned images.
    stack : Path
        The raw images; the alignment's file where they are single files.
    file : Path
        The alignment, as it was given.
    alignment_pixel_size : float or None
        Å, as it was given.
    name : str
    warnings : tuple of str
    """

    images: AlignedImages
    alignment: Alignment
    table: AngleTable
    pixel_size: float | None
    stack: Path
    file: Path
    alignment_pixel_size: float | None
    name: str
    warnings: tuple[str, ...]


def open_aligned(
    alignment: str | Path,
    *,
    stack: str | Path | None = None,
    angles: AngleSource | None = None,
    pixel_size: float | None = None,
    alignment_pixel_size: float | None = None,
) -> AlignedStack:
    """Bring an alignment and its raw stack together; nothing is interpolated yet.

    Parameters
    ----------
    alignment : path
        See `read_alignment`.
    stack : path, optional
        Raw stack; by default the one that the alignment speaks of.
    angles : path or sequence of float, optional
        Degrees in the stack's order, instead of the alignment's.
    pixel_size : float, optional
        Å of the raw images. By default the stack's header's, or else the alignment's.
    alignment_pixel_size : float, optional
        Å of the pixels that the shifts of ``.xf`` and ``.aln`` count, where the stack was
        binned after it had been aligned. By default the raw images'.

    Raises
    ------
    InputError
        Files that cannot be read or do not belong together, or shifts in Å for images of
        unknown pixel size.
    """
    path = Path(alignment)
    files = read_alignment(path)
    raw, raw_size, source, warnings = _open_images(path, files, stack)
    found = files.alignment
    _require_sections(found, raw.shape[0], source)
    size = _require_size(pixel_size) or raw_size or found.pixel_size
    if size is None and not found.in_pixels:
        raise InputError(
            f"{source.name}: the pixel size is unknown, and the shifts of {found.source} are in Å.",
            "Give the pixel size in Å (--pixel-size on the command line).",
        )
    counted = _require_size(alignment_pixel_size) or size
    unit = size or 1.0
    absolute = found.in_angstrom(counted or unit)
    images = AlignedImages(
        raw,
        absolute,
        raw_pixel_size=unit,
        shape=aligned_shape(absolute, raw.shape[1:]),
        binning=absolute.binning,
    )
    return AlignedStack(
        images=images,
        alignment=absolute,
        table=_table(absolute, source, angles, raw.shape[0]),
        pixel_size=None if size is None else size * absolute.binning,
        stack=source,
        file=path,
        alignment_pixel_size=alignment_pixel_size,
        name=files.name or source.stem,
        warnings=(*warnings, *absolute.notes),
    )


def aligned_shape(alignment: Alignment, raw_shape: tuple[int, int]) -> tuple[int, int]:
    """(y, x) of the aligned images.

    As the package says, or that of the raw images, on its side where their axis is nearer to x.
    """
    if alignment.aligned_shape is not None:
        rows, columns = alignment.aligned_shape
        largest = 2 * max(raw_shape)
        if max(rows, columns) > largest:
            raise InputError(
                f"{alignment.source}: aligned images of {rows} × {columns} (y × x) cannot come "
                f"from raw ones of {raw_shape[0]} × {raw_shape[1]}.",
                "Give the files of one series.",
            )
        return rows, columns
    rows, columns = (raw_shape[1], raw_shape[0]) if alignment.axis_lies else tuple(raw_shape)
    binning = alignment.binning
    return max(int(rows / binning), 1), max(int(columns / binning), 1)


def _open_images(
    path: Path, files: AlignmentFiles, given: str | Path | None
) -> tuple[Any, float | None, Path, tuple[str, ...]]:
    """Raw images ``(section, y, x)``, their pixel size in Å, their file and its warnings."""
    if given is None and files.images:
        images = ImageList(files.images)
        return images, images.pixel_size, path, ()
    source = files.stack if given is None else Path(given)
    if source is None:
        name = Path(files.alignment.source).stem.removesuffix(PORTAL_ENDING)
        file = path / Path(files.alignment.source).name if path.is_dir() else path
        raise InputError(
            f"The raw stack that {file} aligns is not beside it.",
            f"Put it there under the name {name}.mrc or, on the command line, name the stack and "
            "give this file with --alignment.",
        )
    opened = open_stack(source)
    return opened.images, opened.pixel_size, source, opened.warnings


def _require_sections(alignment: Alignment, count: int, stack: Path) -> None:
    last = int(alignment.sections.max())
    if last >= count:
        raise InputError(
            f"{alignment.source} aligns image {last + 1}, but {stack.name} has {count}.",
            "Give the raw stack that belongs to this alignment.",
        )


def _require_size(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(f"The pixel size must be above 0 Å, not {value:g}.")
    return value


def _table(alignment: Alignment, stack: Path, given: AngleSource | None, count: int) -> AngleTable:
    """Angles of the alignment, or those given; order and dose also from the stack's ``.mdoc``."""
    angles: NDArray[np.float64] = alignment.angles
    source = alignment.source
    if given is not None:
        table = given_angles(given, count)
        if len(table.angles) != count:
            raise InputError(
                f"{table.source} has {len(table.angles)} tilt angles, but {stack.name} has "
                f"{count} images.",
                "Give one angle for each image.",
            )
        angles, source = table.angles[alignment.sections], table.source
    own = AngleTable(
        angles=angles, order=alignment.order, dose=alignment.dose, source=source, pixel_size=None
    )
    whole = alignment.n_tilts == count and np.array_equal(alignment.sections, np.arange(count))
    if not whole or not any(True for _ in angle_files(stack)):
        return own
    found = with_acquisition(stack, own, Path(source))
    return replace(found, pixel_size=None)

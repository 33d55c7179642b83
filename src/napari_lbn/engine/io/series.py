"""Opening a tilt series: images, angles and pixel size brought together and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..tilt_series import TiltSeries
from .aligned import AlignedStack, open_aligned
from .alignments import is_alignment
from .angles.choose import AngleSource, as_recorded, find_angles, sort_by_angle
from .angles.read import AngleTable, MissingAnglesError, extended_angles
from .pointing import alignment_beside, what_is_meant
from .stack import Stack, open_stack


def open_tilt_series(
    path: str | Path,
    *,
    angles: AngleSource | None = None,
    pixel_size: float | None = None,
    invert: bool = False,
    alignment: str | Path | None = None,
    alignment_pixel_size: float | None = None,
) -> TiltSeries:
    """Open a tilt series; the images stay in the file, and raw ones are aligned when read.

    Parameters
    ----------
    path : path
        Aligned MRC stack (modes 0, 1, 2, 6, 12), TIFF or OME-Zarr stack, its ``.tlt``,
        ``.rawtlt`` or ``.mdoc``, or a folder that holds one; or the alignment of a raw stack: an
        IMOD folder, ``.edf``, ``.xf``, ``newst.com`` or ``tilt.com``, AreTomo's ``.aln``,
        Warp's ``.xml``, RELION 5's ``.star``, the CryoET Data Portal's ``.json`` or run folder.
    angles : path, EvenAngles or sequence of float, optional
        Degrees, one for each image, in the file's order. By default the angle file beside the
        stack, or else the stack's extended header.
    pixel_size : float, optional
        Å. By default the header's, or else that of the angles' source.
    invert : bool
        Change the sign of every angle; recorded in the series.
    alignment : path, optional
        Alignment of the raw stack `path`, where they do not lie side by side.
    alignment_pixel_size : float, optional
        Å of the pixels that the shifts of ``.xf`` and ``.aln`` count, where the raw stack was
        binned since. By default the stack's own.

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
    if alignment is None:
        path, own_angles = what_is_meant(path)
        angles = own_angles if angles is None else angles
    if alignment is not None or is_alignment(path):
        given = None if alignment is None else path
        aligned = open_aligned(
            path if alignment is None else alignment,
            stack=given,
            angles=angles,
            pixel_size=pixel_size,
            alignment_pixel_size=alignment_pixel_size,
        )
        series = _from_aligned(aligned, as_recorded(angles))
        return series.with_inverted_angles() if invert else series
    series = _open_plain(path, angles, pixel_size)
    return series.with_inverted_angles() if invert else series


def _open_plain(path: Path, angles: AngleSource | None, pixel_size: float | None) -> TiltSeries:
    """A stack that is aligned already."""
    stack = open_stack(path)
    beside = alignment_beside(path)
    warnings = [*stack.warnings, *([] if beside is None else [_not_applied(path, beside)])]
    count = stack.images.shape[0]
    _require_images(path, stack.images.shape)
    try:
        table = find_angles(path, stack, angles, count, warnings)
    except MissingAnglesError as error:
        if beside is None:
            raise
        remedy = f"Open {beside.name} beside it instead: it holds angles and alignment."
        raise MissingAnglesError(error.message, remedy) from error
    values, sorting = sort_by_angle(path.name, table, warnings)
    size, size_source = _choose_pixel_size(pixel_size, stack, table)
    return TiltSeries(
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
            **as_recorded(angles),
            "angles_were_sorted": not np.array_equal(sorting, np.arange(count)),
            "pixel_size": size_source,
            "warnings": warnings,
        },
    )


def _not_applied(stack: Path, alignment: Path) -> str:
    """What to tell who opens a raw stack and not the alignment beside it."""
    return (
        f"{alignment.name} beside {stack.name} says how its images are aligned, and is not "
        f"applied. To align them, open {alignment.name} instead."
    )


def _from_aligned(aligned: AlignedStack, given: dict[str, Any]) -> TiltSeries:
    """The series of a raw stack; rows of the alignment are its images."""
    warnings, table = list(aligned.warnings), aligned.table
    in_file, left_out = aligned.alignment.sections, aligned.alignment.excluded
    _require_images(aligned.stack, aligned.images.shape)
    values, sorting = sort_by_angle(aligned.stack.name, table, warnings)
    place = {int(row): tilt for tilt, row in enumerate(sorting)}
    return TiltSeries(
        images=aligned.images,
        angles=values,
        sections=sorting,
        file_sections=in_file,
        pixel_size=aligned.pixel_size,
        name=aligned.name,
        source=aligned.stack,
        order=None if table.order is None else table.order[sorting],
        dose=None if table.dose is None else table.dose[sorting],
        excluded=frozenset(place[row] for row in left_out),
        history={
            "angles": table.source,
            **given,
            "alignment": aligned.alignment.describe(),
            "alignment_file": str(aligned.file),
            "alignment_pixel_size": aligned.alignment_pixel_size,
            "excluded_by_alignment": sorted(int(in_file[row]) + 1 for row in left_out),
            "angles_were_sorted": not np.array_equal(sorting, np.arange(len(sorting))),
            "pixel_size": "raw stack or alignment",
            "warnings": warnings,
        },
    )


def _require_images(path: Path, shape: tuple[int, ...]) -> None:
    if shape[0] < 2:
        raise InputError(
            f"{path} holds one image of {shape[1]} × {shape[2]} (y × x), not a tilt series.",
            "A tilt series is a stack of two or more images at different tilt angles.",
        )


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

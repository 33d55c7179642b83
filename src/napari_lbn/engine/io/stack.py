"""The images of a file before their angles are known, and whether they are tilts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .angles.read import MRC_SUFFIXES, angle_files, extended_angles, read_angles
from .mrc.read import MrcHeader, map_mrc, read_mrc_header
from .ome_zarr import open_ome_zarr
from .tiff import open_tiff, tiff_shape

if TYPE_CHECKING:
    from pathlib import Path

TIFF_SUFFIXES = (".tif", ".tiff")
ZARR_SUFFIX = ".zarr"
STACK_SUFFIXES = (".st", ".ali", ".preali")
VOLUME_SUFFIXES = (".rec", ".map")
VOLUME_ENDINGS = ("_rec", "_rec_full")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Images of a file, before their angles are known."""

    images: Any
    pixel_size: float | None
    header: MrcHeader | None
    warnings: tuple[str, ...]


def open_stack(path: Path) -> Stack:
    """Open the images of an MRC or TIFF stack, by the file's name."""
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        images, size = open_tiff(path)
        return Stack(images=images, pixel_size=size, header=None, warnings=())
    if suffix == ZARR_SUFFIX:
        images, size = open_ome_zarr(path)
        return Stack(images=images, pixel_size=size, header=None, warnings=())
    header = read_mrc_header(path)
    warnings = tuple(f"{path.name}: {warning}" for warning in header.warnings)
    return Stack(
        images=map_mrc(path, header),
        pixel_size=header.pixel_size,
        header=header,
        warnings=warnings,
    )


def is_stack_of_tilts(path: Path) -> bool:
    """True where the images of a file are to be opened as a tilt series, by its header and name.

    Raises
    ------
    InputError
        A damaged file.
    """
    suffix = path.suffix.lower()
    if suffix == ZARR_SUFFIX:
        return any(True for _ in angle_files(path)) and len(open_ome_zarr(path)[0].shape) == 3
    if suffix in TIFF_SUFFIXES:
        return any(True for _ in angle_files(path)) and len(tiff_shape(path)) == 3
    named_volume = suffix in VOLUME_SUFFIXES or path.stem.endswith(VOLUME_ENDINGS)
    if suffix not in MRC_SUFFIXES or named_volume:
        return False
    header = read_mrc_header(path)
    if header.shape[0] < 2:
        return False
    # IMOD's stacks and older volumes alike have space group 0 and mz = nz
    named_stack = header.space_group == 0 and suffix in STACK_SUFFIXES
    return (
        header.is_image_stack
        or named_stack
        or extended_angles(header) is not None
        or any(_belongs(file, header) for file in angle_files(path))
    )


def _belongs(angle_file: Path, header: MrcHeader) -> bool:
    """True where an angle file of the stack's name says that it is a tilt series.

    A wrong number of angles is then an error that the user is told; only a file that calls
    itself a volume needs the right one.
    """
    if header.space_group == 0:
        return True
    try:
        return len(read_angles(angle_file).angles) == header.shape[0]
    except InputError:
        return False

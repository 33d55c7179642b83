"""TIFF stacks and volumes, memory-mapped where the file allows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from .mrc.read import known_pixel_size

UNITS = {
    "nm": 10.0,
    "nanometer": 10.0,
    "µm": 1e4,
    "um": 1e4,
    "micron": 1e4,
    "\\u00b5m": 1e4,
    "angstrom": 1.0,
    "å": 1.0,
    "a": 1.0,
}
"""Å in a unit, as ImageJ and others name it."""


def tiff_shape(path: str | Path) -> tuple[int, ...]:
    """Shape of a TIFF file's images, read from its tags only.

    Raises
    ------
    InputError
        The file is absent or no TIFF file.
    """
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tiff:
            return tuple(int(side) for side in tiff.series[0].shape)
    except Exception as error:  # tifffile raises many types on damaged files
        raise _unreadable(path, error) from error


def open_tiff(path: str | Path) -> tuple[Any, float | None]:
    """Open a TIFF stack.

    Returns
    -------
    images : array_like
        ``(section, y, x)``; a memory map of the file where it is uncompressed, otherwise of
        a decoded temporary file.
    pixel_size : float or None
        Å, where the file's tags name it in a unit.
    """
    from tifffile import TiffFile, memmap

    try:
        with TiffFile(path) as tiff:
            series = tiff.series[0]
            _require_grey(path, series.shape, series.axes)
            pixel_size = _pixel_size(tiff)
            mappable = series.dataoffset is not None
            images = None if mappable else tiff.asarray(series=0, out="memmap")
        if images is None:
            images = memmap(path, mode="r")
    except InputError:
        raise
    except Exception as error:  # tifffile raises many types on damaged files
        raise _unreadable(path, error) from error
    return images.reshape((-1, *images.shape[-2:])), pixel_size


def _require_grey(path: str | Path, shape: tuple[int, ...], axes: str) -> None:
    # ImageJ calls the images of a grey stack channels ("CYX"); colours of a pixel are samples
    if len(shape) < 2 or "S" in axes or sum(side > 1 for side in shape[:-2]) > 1:
        raise InputError(
            f"{path} holds an array of shape {shape} ({axes}), not a stack of grey images.",
            "Save it as one stack of single-channel images.",
        )


def _pixel_size(tiff: Any) -> float | None:
    """Å from ImageJ's unit and the resolution tag."""
    unit = str((tiff.imagej_metadata or {}).get("unit", "")).strip().lower()
    resolution = tiff.pages[0].tags.get("XResolution")
    if unit not in UNITS or resolution is None:
        return None
    pixels, units = resolution.value
    return known_pixel_size(units / pixels * UNITS[unit]) if pixels else None


def _unreadable(path: str | Path, error: Exception) -> InputError:
    if not Path(path).exists():
        return InputError(f"{path} does not exist.", "Check the path.")
    return InputError(
        f"{path} cannot be read as a TIFF file: {error}.",
        "Copy the file again, or choose another one.",
    )

"""Opening a volume: a tomogram or a density map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .lazy_samples import LazySamples
from .mrc.read import map_mrc, read_mrc_header
from .ome_zarr import open_ome_zarr
from .sample_format import scale_of_labels
from .stack import TIFF_SUFFIXES, ZARR_SUFFIX
from .tiff import open_tiff


def open_volume(path: str | Path) -> tuple[Any, float | None]:
    """Open a volume; the voxels stay in the file.

    Returns
    -------
    volume : array_like
        ``(z, y, x)``, memory-mapped, read-only, in the file's own type; densities in float32
        where this program wrote samples with a scale.
    pixel_size : float or None
        Å; None where the file does not know it.

    Raises
    ------
    InputError
        A file that cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() in TIFF_SUFFIXES:
        return open_tiff(path)
    if path.suffix.lower() == ZARR_SUFFIX:
        return open_ome_zarr(path, volume=True)
    header = read_mrc_header(path)
    voxels = map_mrc(path, header)
    scale, offset = scale_of_labels(header.labels) if voxels.dtype == np.int16 else (1.0, 0.0)
    if (scale, offset) == (1.0, 0.0):
        return voxels, header.pixel_size
    return LazySamples(path, voxels, scale=scale, offset=offset), header.pixel_size


def volume_warnings(path: str | Path) -> tuple[str, ...]:
    """What is odd about a volume's header, such as the order of its axes.

    Raises
    ------
    InputError
        A file that cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() in (*TIFF_SUFFIXES, ZARR_SUFFIX):
        return ()
    return read_mrc_header(path).warnings

"""`napari-lbn export`: a tomogram as multiscale OME-Zarr."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from napari_lbn.engine.errors import InputError, OutputError

from .output import tell_written
from .volumes import note_angles_beside

TomogramArgument = Annotated[
    Path, typer.Argument(metavar="TOMOGRAM.mrc", help="Volume to export.", show_default=False)
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        metavar="NAME.ome.zarr",
        help="Folder to make. Default: beside the tomogram.",
        show_default=False,
    ),
]
PixelSizeOption = Annotated[
    float | None,
    typer.Option(help="Pixel size in Å. Default: the header's.", show_default=False),
]


def export(
    tomogram: TomogramArgument, out: OutOption = None, pixel_size: PixelSizeOption = None
) -> None:
    """Write a tomogram as multiscale OME-Zarr, for napari, Neuroglancer and the Data Portal."""
    from napari_lbn.engine.io import open_volume
    from napari_lbn.engine.io.ome_zarr import write_ome_zarr
    from napari_lbn.engine.io.tomograms.by_name import is_zarr_name

    if pixel_size is not None and not 0 < pixel_size < math.inf:
        raise InputError(f"The pixel size must be above 0 Å, not {pixel_size:g}.")
    target = out or tomogram.with_name(f"{tomogram.stem.removesuffix('.ome')}.ome.zarr")
    if not is_zarr_name(target):
        raise OutputError(
            f"--out: {target.name} does not end in .ome.zarr.", "The output is an OME-Zarr folder."
        )
    volume, size = open_volume(tomogram)
    note_angles_beside(tomogram)
    path = write_ome_zarr(target, volume, pixel_size=pixel_size or size, name=tomogram.stem)
    tell_written([path])

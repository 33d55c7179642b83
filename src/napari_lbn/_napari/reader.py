"""Reader of tilt series and tomograms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_lbn.engine.errors import LBNError

from .layers import LayerTuple, contrast_limits, tilt_series_layer, volume_layer
from .metadata import Kind, volume_record

MRC_SUFFIXES = frozenset({".mrc", ".mrcs", ".st", ".ali", ".preali", ".rec", ".map"})
ZARR_SUFFIX = ".zarr"
LARGEST_SINGLE = 1 << 31
"""Bytes of an OME-Zarr volume above which its coarser levels are used too."""
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
ALIGNMENT_SUFFIXES = frozenset(
    {".xf", ".edf", ".com", ".aln", ".xml", ".star", ".json", ".tlt", ".rawtlt", ".mdoc"}
)
"""TIFF files and these are ours only as a tilt series, or as a file that belongs to one."""


def get_reader(path: str | list[str]) -> Callable[[str], list[Any]] | None:
    """A reader of this path, or None where it is left to others.

    MRC files are ours, as tilt series or as volumes, and OME-Zarr volumes written here; other
    files and folders only where they are a tilt series or the alignment of one.
    """
    if not isinstance(path, str | Path):
        return None
    suffix = Path(path).suffix.lower()
    if suffix in MRC_SUFFIXES:
        return read_or_tell
    if suffix == ZARR_SUFFIX and _is_written_here(path):
        return read_or_tell
    asked = suffix in TIFF_SUFFIXES | ALIGNMENT_SUFFIXES or Path(path).is_dir()
    if asked and _is_tilt_series(path):
        return read_or_tell
    return None


def read_or_tell(path: str) -> list[Any]:
    """`read` for napari's viewer, where a file that cannot be read is told and brings no layer.

    napari itself would say which plugins were tried, and why none worked only at the end of a
    traceback. Without a viewer the error is raised.
    """
    from napari.utils.notifications import show_error

    import napari

    try:
        return list(read(path))
    except LBNError as error:
        if napari.current_viewer() is None:
            raise
        show_error(str(error))
        return [(None,)]  # npe2's way to say: read, and nothing to show


def read(path: str) -> list[LayerTuple]:
    """Layer data of a tilt series, or of a volume where the file has no angles.

    Raises
    ------
    InputError
        What is wrong with the file and what to do about it.
    """
    from napari_lbn.engine.io import MissingAnglesError, open_tilt_series

    file = Path(path)
    if not _is_tilt_series(file):
        return [_as_volume(file, "tomogram")]
    try:
        series = open_tilt_series(file)
    except MissingAnglesError:  # a stack by its header: the dock asks for the angles
        return [_as_volume(file, "stack")]
    _show_angles()
    return [tilt_series_layer(series)]


def _as_volume(file: Path, kind: Kind) -> LayerTuple:
    from napari_lbn.engine.io import open_volume
    from napari_lbn.engine.io.ome_zarr import open_ome_zarr_levels

    volume, pixel_size = open_volume(file)
    limits = None
    if file.suffix.lower() == ZARR_SUFFIX and volume.nbytes > LARGEST_SINGLE:
        levels, _ = open_ome_zarr_levels(file)
        volume, limits = levels, contrast_limits(levels[-1])
    provenance = {"source": str(file)}
    record = volume_record(kind, pixel_size=pixel_size, alpha=None, provenance=provenance)
    data, attributes, layer_type = volume_layer(
        volume,
        name=file.stem.removesuffix(".ome"),
        pixel_size=pixel_size,
        record=record,
        limits=limits,
    )
    attributes["multiscale"] = limits is not None
    if kind == "stack":
        attributes["axis_labels"] = ("section", "y", "x")
    return data, attributes, layer_type


def _is_written_here(path: str | Path) -> bool:
    from napari_lbn.engine.io.ome_zarr import is_written_here

    return is_written_here(path)


def _is_tilt_series(path: str | Path) -> bool:
    from napari_lbn.engine.io import is_tilt_series

    return is_tilt_series(Path(path))


def _show_angles() -> None:
    """Write the tilt angle on the canvas of the viewer that is reading, if there is one."""
    import napari

    from .tilt_display import tilt_display

    viewer = napari.current_viewer()
    if viewer is not None:
        tilt_display(viewer)

"""A tomogram's file by its name: MRC, or multiscale OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import OutputError
from ..stack import ZARR_SUFFIX
from .resumable_mrc import ResumableVolume
from .resumable_zarr import ZarrVolume, require_zarr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sample_format import SampleFormat

MRC_SUFFIXES = frozenset({".mrc", ".mrcs", ".st", ".ali", ".rec", ".map"})


def is_zarr_name(path: str | Path) -> bool:
    """Whether a name asks for OME-Zarr."""
    return Path(path).suffix.lower() == ZARR_SUFFIX


def require_tomogram_name(path: str | Path) -> None:
    """Refuse, before any work, a name that cannot be written.

    Raises
    ------
    OutputError
        The name says another format, or is that of an OME-Zarr folder that exists.
    InputError
        OME-Zarr without zarr installed.
    """
    path = Path(path)
    if is_zarr_name(path):
        require_zarr()
        if path.exists():
            raise OutputError(f"{path} exists already.", "Choose another name, or remove it.")
    elif path.suffix.lower() not in MRC_SUFFIXES:
        raise OutputError(
            f"{path.name} ends neither in .mrc nor in .ome.zarr.", "Give it one of these endings."
        )


def record_path(path: str | Path) -> Path:
    """Where a tomogram's record lies: ``a.json`` for ``a.mrc``, else ``a.ome.zarr.json``.

    So two tomograms in one folder never share a record.
    """
    path = Path(path)
    return path.with_name(f"{path.name}.json") if is_zarr_name(path) else path.with_suffix(".json")


def tomogram_writer(
    path: str | Path,
    shape: tuple[int, int, int],
    pixel_size: float | None,
    labels: Sequence[str] = (),
    *,
    sample: SampleFormat | None = None,
    key: dict[str, Any] | None = None,
    keep: bool = False,
) -> ResumableVolume | ZarrVolume:
    """The writer that the name asks for; parameters are those of `ResumableVolume`."""
    kind = ZarrVolume if is_zarr_name(path) else ResumableVolume
    return kind(path, shape, pixel_size, labels, sample=sample, key=key, keep=keep)

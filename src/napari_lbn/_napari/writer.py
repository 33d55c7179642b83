"""Writer of tilt series (stack and angles) and tomograms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_lbn.engine.errors import InputError, OutputError

from .metadata import record_of
from .reader import MRC_SUFFIXES

SLAB_ROWS = 32
SPREAD_LABEL = "Standard deviation over subsets of tilts (LBN): spread of the model, not proof"
THROUGHOUT_LABEL = "WBP of LBN tilts at ALL angles, synthesized throughout"
ANGSTROM_PER_UNIT = {"angstrom": 1.0, "nanometer": 10.0, "micrometer": 1e4}


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one image layer as MRC; a tilt stack also gets its angles, as ``.tlt``.

    Parameters
    ----------
    path : str
        File to write; ``.mrc`` is added where it has no suffix of MRC files.
    data : array_like
        ``(n, 1, y, x)`` tilts of ours, or any ``(z, y, x)`` volume.
    attributes : dict
        The layer's attributes.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    InputError
        A layer that is neither a tilt series nor a volume.
    OutputError
        The folder cannot be written to, or the disk is full, or a file is there that napari's
        dialog did not ask about.
    """
    from napari_lbn.engine.io.together import written_together

    file = mrc_file(path)
    record = record_of(attributes)
    data = getattr(data, "whole", data)  # a mask is for the display only
    if record is not None and "angles" in record:
        return _write_tilts(Path(path), data, record)
    if np.ndim(data) != 3:
        raise InputError(
            f"{attributes.get('name', 'This layer')} has {np.ndim(data)} dimensions.",
            "Only tilt series and volumes (z, y, x) are written as MRC.",
        )
    _require_asked_for(Path(path), file, record)
    if record is None:
        write_volume(file, data, pixel_size=_pixel_size(attributes))
        return [str(file)]
    with written_together(file.parent) as written:
        write_volume(file, data, pixel_size=record["pixel_size"], labels=_labels(record))
        written += [file, *_write_provenance(file, record)]
    return [str(path) for path in written]


def _require_asked_for(named: Path, file: Path, record: dict[str, Any] | None) -> None:
    """Refuse to replace what the user was not asked about: any file but the one that was named.

    Where that one is there, it and what belongs to it are replaced.
    """
    if named == file and file.exists():
        return
    beside = [".tlt"] if record is not None and "angles" in record else []
    beside += [".json"] if record is not None and record.get("provenance") else []
    for unasked in (file, *(file.with_suffix(suffix) for suffix in beside)):
        if unasked.exists():
            raise OutputError(
                f"{unasked} is there already, and would be replaced.",
                "Choose another name, or remove it first.",
            )


def mrc_file(path: str | Path) -> Path:
    """The file of a name as it was typed: "TS_2.5A" and "TS.tlt" are no MRC files yet."""
    file = Path(path)
    return file if file.suffix.lower() in MRC_SUFFIXES else file.with_name(f"{file.name}.mrc")


def _write_tilts(named: Path, data: Any, record: dict[str, Any]) -> list[str]:
    """Write a tilt stack ``(n, 1, y, x)`` and its angles; labels tell what was synthesized."""
    from napari_lbn.engine.io import write_stack, write_tilt_angles
    from napari_lbn.engine.io.together import input_files, require_other_files, written_together

    file = mrc_file(named)
    angles = file.with_suffix(".tlt")
    series = record.get("series")
    require_other_files([file, angles], [] if series is None else input_files(series))
    _require_asked_for(named, file, record)
    count = len(record["angles"])
    labels = [f"napari-lbn: {sum(record['synthesized'])} of {count} tilts synthesized"]
    if record["kind"] == "spread tilts":
        labels.append(SPREAD_LABEL)
    images: Iterator[np.ndarray] = (np.asarray(data[i, 0], np.float32) for i in range(count))
    with written_together(file.parent) as written:
        write_stack(
            file,
            images,
            n=count,
            shape=tuple(data.shape[2:]),
            pixel_size=record["pixel_size"],
            labels=labels,
        )
        write_tilt_angles(angles, record["angles"])
        written += [file, angles, *_write_provenance(file, record)]
    return [str(path) for path in written]


def _labels(record: dict[str, Any]) -> tuple[str, ...]:
    """What a volume of ours is, for the header; nothing for one that was opened from a file."""
    alpha = record.get("alpha")
    if record["kind"] == "spread":
        return (SPREAD_LABEL,)
    if record.get("synthesized_throughout"):
        return (THROUGHOUT_LABEL,)
    if alpha is None:
        return tuple(record.get("labels", ()))
    if record["kind"] == "difference":
        return (f"{alpha:g} x WBP of the synthesized tilts (LBN)",)
    if alpha == 0:
        return ("WBP of the measured tilts",)
    return (f"WBP + {alpha:g} x WBP of the synthesized tilts (LBN)",)


def _write_provenance(file: Path, record: dict[str, Any]) -> list[Path]:
    """What a layer was made from, as JSON beside its file; nothing where that is not known."""
    from napari_lbn.engine.io import write_provenance

    if not record.get("provenance"):
        return []
    told = ("kind", "alpha", "synthesized", "synthesized_throughout")
    facts = {key: record[key] for key in told if key in record}
    return [write_provenance(file.with_suffix(".json"), {**record["provenance"], **facts})]


def write_volume(
    file: Path, data: Any, *, pixel_size: float | None, labels: tuple[str, ...] = ()
) -> None:
    """Write a volume ``(z, y, x)`` slab by slab, so that lazy data is never held whole."""
    from napari_lbn.engine.io import VolumeWriter

    depth, height, width = data.shape
    with VolumeWriter(file, (depth, height, width), pixel_size, labels) as writer:
        for start in range(0, height, SLAB_ROWS):
            rows = slice(start, min(start + SLAB_ROWS, height))
            writer.write_slab(start, np.asarray(data[:, rows], np.float32))


def _pixel_size(attributes: dict[str, Any]) -> float | None:
    """Pixel size of a layer that is not ours, from its scale and units; None where unknown."""
    units = attributes.get("units")
    scale = attributes.get("scale")
    if units is None or scale is None:
        return None
    factor = ANGSTROM_PER_UNIT.get(str(units[-1]))
    return None if factor is None else float(scale[-1]) * factor

"""Names, labels and checks of what commands write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from napari_lbn.engine.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from napari_lbn.engine.tilt_series import TiltSeries


def require_mrc_name(path: Path) -> None:
    """Refuse a name that says another format than MRC."""
    from napari_lbn.engine.io.tomograms.by_name import MRC_SUFFIXES

    if path.suffix.lower() not in MRC_SUFFIXES:
        raise OutputError(f"--out: {path.name} does not end in .mrc.", "The output is an MRC file.")


def require_tomogram_name(path: Path) -> None:
    """Refuse a name of neither MRC nor OME-Zarr, and an OME-Zarr folder that exists."""
    from napari_lbn.engine.io.tomograms import by_name

    by_name.require_tomogram_name(path)


def record_path(tomogram: Path) -> Path:
    """Where the record of a tomogram is written."""
    from napari_lbn.engine.io.tomograms import by_name

    return by_name.record_path(tomogram)


def require_other_files(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Refuse to write over what is being read (`napari_lbn.engine.io.together`)."""
    from napari_lbn.engine.io import together

    together.require_other_files(outputs, inputs)


def input_files(series: TiltSeries) -> list[Path]:
    """The files that a series was opened from (`napari_lbn.engine.io.together`)."""
    from napari_lbn.engine.io import together

    return together.input_files(series)


def written_together(folder: Path) -> AbstractContextManager[list[Path]]:
    """All files or none (`napari_lbn.engine.io.together`)."""
    from napari_lbn.engine.io import together

    return together.written_together(folder)


def tell_written(paths: Iterable[Path]) -> None:
    """Print the files that were written, one a line, on standard output."""
    for path in paths:
        typer.echo(str(path))

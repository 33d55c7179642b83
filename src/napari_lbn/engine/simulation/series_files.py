"""Files of simulated tilt series, noise-free, as trainings read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ..errors import InputError
from ..io.files.atomic import atomic_path
from .series import SimulatedSeries

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def save_series(path: Path, series: SimulatedSeries, **more: NDArray[Any]) -> None:
    """Write one file; tilts as float16 about their means, so precision suffices."""
    mean = series.clean.mean(axis=(1, 2), dtype=np.float64)
    tilts = (series.clean - mean[:, None, None]).astype(np.float16)
    arrays = {
        "tilts": tilts,
        "mean": mean,
        "angles": series.angles,
        "profile": series.profile,
        "exposure": series.exposure,
        "pixel_size": series.pixel_size,
        "metadata": json.dumps(series.metadata),
        **more,
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def settings_of(path: Path) -> str | None:
    """The `settings_key` that a file was made with; None where it does not say.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        # numpy leaves a file open that is none of its own
        with path.open("rb") as stream, np.load(stream) as file:
            told = json.loads(str(file["metadata"])).get("settings")
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(
            f"{path} is no simulated series, or damaged ({error}).", "Remove it, or move it away."
        ) from error
    return None if told is None else str(told)


def load_series(path: Path) -> SimulatedSeries:
    """Read a file of `save_series`."""
    with np.load(path) as file:
        return SimulatedSeries(
            angles=file["angles"],
            clean=file["tilts"].astype(np.float32) + file["mean"].astype(np.float32)[:, None, None],
            profile=file["profile"],
            exposure=file["exposure"],
            pixel_size=float(file["pixel_size"]),
            metadata=json.loads(str(file["metadata"])),
        )

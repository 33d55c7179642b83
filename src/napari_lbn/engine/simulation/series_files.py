"""Files of simulated tilt series, noise-free, as trainings read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ..io.atomic import atomic_path
from .series import SimulatedSeries

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def save_series(path: Path, series: SimulatedSeries, **more: NDArray[Any]) -> None:
    """Write one compressed file; tilts as float16 about their means, so precision suffices."""
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

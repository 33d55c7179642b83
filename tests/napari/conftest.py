"""Small tilt series on disk and in memory."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.tilt_series import TiltSeries

ANGLES = (-60.0, -30.0, 0.0, 30.0, 60.0)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(100, 10, (len(ANGLES), 12, 16)).astype(np.float32)


@pytest.fixture
def series(images: np.ndarray) -> TiltSeries:
    return TiltSeries.from_array(images, ANGLES, pixel_size=10.0, name="TS")


@pytest.fixture
def stack_file(tmp_path: Path, images: np.ndarray) -> Path:
    """An MRC stack with its .tlt beside it."""
    path = tmp_path / "TS.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data(images)
        mrc.set_image_stack()
        mrc.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("\n".join(f"{angle:7.2f}" for angle in ANGLES) + "\n")
    return path

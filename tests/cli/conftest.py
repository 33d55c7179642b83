"""Calling the command line, a small series, tiny weights, and what a correction wrote."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app

ANGLES = [float(angle) for angle in range(-40, 41, 10)]
SHAPE = (16, 40)
PIXEL_SIZE = 10.0
COMMANDS = ["info", "correct", "reconstruct", "synthesize"]


def run(*arguments: object) -> Any:
    """Call the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments: object) -> Any:
    """Call it and expect success."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def write_series(
    folder: Path,
    *,
    name: str = "TS.mrc",
    pixel_size: float | None = PIXEL_SIZE,
    shape: tuple[int, int] = SHAPE,
    angles: list[float] = ANGLES,
) -> Path:
    """A smooth tilt series with its .tlt beside it."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    blobs = [
        np.cos(x / 5 + np.deg2rad(angle)) + np.sin(y / 3 - i) for i, angle in enumerate(angles)
    ]
    noise = np.random.default_rng(1).normal(0, 0.3, (len(angles), *shape))
    path = folder / name
    with mrcfile.new(path) as mrc:
        mrc.set_data((100 + 10 * (np.array(blobs) + noise)).astype(np.float32))
        mrc.set_image_stack()
        if pixel_size is not None:
            mrc.voxel_size = pixel_size
    path.with_suffix(".tlt").write_text("".join(f"{angle:7.2f}\n" for angle in angles))
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny, untrained network for 8 to 16 Å."""
    import torch

    from napari_lbn.engine.io.weights.file import save_weights
    from napari_lbn.engine.network import LBN, LBNConfig

    torch.manual_seed(3)
    config = LBNConfig(widths=(2, 4, 4, 8, 8), unet_widths=(8, 8, 8, 8), box_widths=(4, 8))
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, LBN(config), name="tiny", pixel_sizes=(8.0, 16.0), summary={})
    return path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return write_series(folder)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """Folder with the results of a correction, made once."""
    folder = tmp_path_factory.mktemp("finished")
    series = write_series(folder)
    ok("correct", series, "--out", folder / "out", "--weights", weights, "--thickness", 12)
    return folder / "out"


@pytest.fixture
def correction(finished: Path, out: Path) -> Path:
    """A copy of those results, to be changed at will."""
    return Path(shutil.copytree(finished, out))


def read(path: Path) -> np.ndarray:
    return np.array(mrcfile.read(path))


def left_behind(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.exists() else []

"""Small series, tiny weights, and the batches that are made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app

ANGLES = range(-40, 41, 10)
ENDINGS = ["_lbn.json", "_lbn.mrc", "_lbn.tlt", "_wbp.mrc", "_wbp_lbn.mrc"]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write_series(folder: Path, name: str, seed: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:16, :40]
    rng = np.random.default_rng(seed)
    images = [100 + 10 * np.cos(x / 5 + i / 4) + rng.normal(0, 3, y.shape) for i in range(9)]
    path = folder / f"{name}.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.array(images, "f4"))
        file.set_image_stack()
        file.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("".join(f"{angle}\n" for angle in ANGLES))
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    """Three series; the second has an angle too few."""
    paths = [write_series(tmp_path / "in", f"TS{i}", i) for i in range(3)]
    paths[1].with_suffix(".tlt").write_text("1\n2\n")
    return paths


def options(weights: Path, out: Path) -> list[object]:
    return ["--out", out, "--weights", weights, "--thickness", 8, "--device", "cpu"]


def summary(out: Path) -> dict[str, Any]:
    records = json.loads((out / "batch_summary.json").read_text())["series"]
    return {record["name"]: record for record in records}


def results(folder: Path, name: str) -> dict[str, bytes]:
    return {ending: (folder / f"{name}{ending}").read_bytes() for ending in ENDINGS[1:]}

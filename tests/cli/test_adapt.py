"""Adapting the weights and the denoised tomogram, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from napari_lbn.cli.adapt_options import AdaptOptions
from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN, LBNConfig

from .conftest import run

ANGLES = np.arange(-60.0, 61.0, 8.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny, untrained network for 8 to 16 Å."""
    torch.manual_seed(3)
    config = LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8))
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, LBN(config), name="tiny", pixel_sizes=(8.0, 16.0), summary={})
    return path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """16 smooth tilts with their angles beside them."""
    rng = np.random.default_rng(0)
    x = np.mgrid[:16, :40][1]
    tilts = [100 + 10 * np.cos(x / 5 + a / 60) + rng.normal(0, 2, x.shape) for a in ANGLES]
    path = tmp_path / "TS.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data(np.array(tilts, np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("".join(f"{angle:7.2f}\n" for angle in ANGLES))
    return path


def test_correct_with_both(series: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(
        "correct", series, "--out", out, "--weights", weights, "--thickness", 12,
        "--adapt-minutes", 0.01, "--denoised",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "denoised.mrc" in result.stdout
    assert "synthesized throughout" in result.stderr
    assert "dapt" in result.stderr
    record = json.loads((out / "TS_lbn.json").read_text())
    assert record["adaptation"]["minutes"] == 0.01
    assert record["adaptation"]["kept_from_training"][0] == -60.0
    assert record["files"]["tomogram_synthesized_throughout"] == "TS_lbn_denoised.mrc"
    with mrcfile.open(out / "TS_lbn_denoised.mrc") as mrc:
        assert mrc.data.shape == (12, 16, 40)
        assert np.isfinite(mrc.data).all()
        assert mrc.data.std() > 0
        assert any("synthesized throughout" in line for line in mrc.get_labels())


def test_neither_unless_asked_for(series: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("correct", series, "--out", out, "--weights", weights, "--thickness", 12)
    assert result.exit_code == 0, result.output
    assert json.loads((out / "TS_lbn.json").read_text())["adaptation"] is None
    assert not (out / "TS_lbn_denoised.mrc").exists()


def test_a_tomogram_that_is_resumed_cannot_be_of_adapted_weights(
    series: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rec.mrc"
    result = run("reconstruct", series, "--out", out, "--lbn", "--adapt", "--resume")
    assert result.exit_code == 2
    assert "--resume" in result.stderr
    assert not out.exists()


def test_minutes_ask_for_adapting() -> None:
    assert AdaptOptions().minutes == 0
    assert AdaptOptions(adapt=True).minutes == 2
    assert AdaptOptions(adapt_minutes=5).minutes == 5
    assert AdaptOptions(adapt=True, adapt_minutes=1).minutes == 1


def test_batch_adapts_each_series_and_checks_it_fairly(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ["--out", out, "--weights", weights, "--thickness", 12, "--device", "cpu"]
    done = run("batch", series, *options, "--adapt-minutes", 0.01)
    assert done.exit_code == 0, done.output
    record = json.loads((out / "batch_summary.json").read_text())["series"][0]
    assert {"LBN", "LBN adapted"} <= set(record["hidden_correlation"])
    assert json.loads((out / "TS" / "TS_lbn.json").read_text())["adaptation"]["minutes"] == 0.01
    plain = run("batch", series, *options, "--no-check")
    assert "done already" not in plain.stderr
    assert json.loads((out / "TS" / "TS_lbn.json").read_text())["adaptation"] is None

"""`napari-lbn train`: fine-tuning a file, stopping with Ctrl-C, going on, and refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from napari_lbn.cli.app import app
from napari_lbn.engine.io import write_stack, write_tilt_angles
from napari_lbn.engine.io.weights.file import load_network, save_weights
from napari_lbn.engine.io.weights.info import read_weights_info
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.training.folder.log import read_baselines, read_log

TINY = [
    "--set", "training.examples.crop=32", "--set", "training.examples.n_targets=3",
    "--set", "training.precision=float32", "--set", "run.steps_per_epoch=2",
    "--set", "data.thickness=300", "--device", "cpu",
]  # fmt: skip


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    angles = np.arange(-60.0, 61, 12)
    path = write_stack(
        tmp_path / "TS_01.mrc",
        100 + 10 * rng.standard_normal((11, 40, 48)).astype(np.float32),
        pixel_size=10.0,
    )
    write_tilt_angles(tmp_path / "TS_01.tlt", angles)
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    network = LBN(LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8)))
    path = tmp_path / "small.safetensors"
    save_weights(path, network, name="small", pixel_sizes=(8.0, 20.0), summary={})
    return path


def call(*arguments: str | Path):
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def test_fine_tune(stack: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = call(stack, "--start", weights, "--out", out, "--epochs", "2", *TINY)
    assert result.exit_code == 0, result.output
    assert "min an epoch" in result.output
    assert "before training: held-out MSE" in result.output
    said = " ".join(result.stderr.split())
    assert "than before training" in said or "No epoch predicts the held-out tilts" in said
    assert result.stdout.strip().splitlines()[-1] == str(out / "best.safetensors")
    info = read_weights_info(out / "best.safetensors")
    assert info.pixel_sizes == (8.0, 20.0)
    before, after = (load_network(i).state_dict() for i in (read_weights_info(weights), info))
    assert any(not torch.equal(after[k], before[k]) for k in before)
    assert [int(row["step"]) for row in read_log(out)] == [2, 4]
    assert set(read_baselines(out)) == {"neighbours", "WBP re-projection", "before training"}
    assert (out / "curves.png").stat().st_size > 1000
    assert json.loads((out / "configuration.json").read_text())["run"]["epochs"] == 2
    again = call(stack, "--start", weights, "--out", out, *TINY)
    assert again.exit_code == 2
    assert "--resume" in again.output


def test_what_a_training_left_is_not_written_over(
    stack: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "best.safetensors").write_bytes(b"weights of another day")
    result = call(stack, "--start", weights, "--out", out, *TINY)
    assert result.exit_code == 2
    assert "holds a training already (best.safetensors)" in " ".join(result.stderr.split())
    assert (out / "best.safetensors").read_bytes() == b"weights of another day"


@pytest.mark.parametrize("change", ["pixels", "log", "device", "configuration"])
def test_nothing_else_is_resumed_than_what_was_begun(
    stack: Path, weights: Path, tmp_path: Path, change: str
) -> None:
    out, more, said = tmp_path / "run", [], "is not what it was when the training began"
    done = call(stack, "--start", weights, "--out", out, "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    configuration = json.loads((out / "configuration.json").read_text())
    configuration["run"]["epochs"] = 2
    (out / "configuration.json").write_text(json.dumps(configuration))
    if change == "pixels":
        with mrcfile.mmap(stack, mode="r+") as mrc:
            mrc.data[:] += 1
    elif change == "log":
        (out / "log.csv").write_bytes(b"\xff\x00 no log")
        said = "log.csv is damaged"
    elif change == "device":
        more, said = ["--device", "nonsense"], "nonsense"
    else:
        more, said = ["--configuration", "paper"], "Leave the other options out"
    result = call("--resume", "--out", out, *more)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())


def test_angles_stay_those_of_the_beginning(stack: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = call(stack, "--start", weights, "--out", out, "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    before = read_baselines(out)
    angles = stack.with_suffix(".tlt")
    angles.write_text("".join(f"{-float(a) + 1}\n" for a in angles.read_text().split()))
    assert call("--resume", "--out", out).exit_code == 0
    assert read_baselines(out) == before


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("run.steps_per_epoch=-1", "run.steps_per_epoch must be at least 0"),
        ("training.learning_rate=-1", "training.learning_rate must be at least 0"),
        ("training.learning_rate=nan", "not nan"),
        ("training.ema=2", "at most 1"),
    ],
)
def test_values_that_cannot_be_are_named(
    stack: Path, weights: Path, tmp_path: Path, value: str, said: str
) -> None:
    result = call(stack, "--start", weights, "--out", tmp_path / "run", "--set", value, "--dry-run")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_dry_run_writes_nothing(stack: Path, weights: Path, tmp_path: Path) -> None:
    result = call(stack, "--start", weights, "--out", tmp_path / "run", "--dry-run", *TINY)
    assert result.exit_code == 0, result.output
    assert "GB" in result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_cleanly_and_resume_goes_on(
    stack: Path, weights: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "napari_lbn", "train", str(stack)]
    command += ["--start", str(weights), "--out", str(out), "--epochs", "400", *TINY]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (out / "last.safetensors").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert "everything is saved" in errors
    rows = len(read_log(out))
    assert rows >= 1
    configuration = json.loads((out / "configuration.json").read_text())
    configuration["run"]["epochs"] = rows + 1
    (out / "configuration.json").write_text(json.dumps(configuration))
    resumed = call("--resume", "--out", out)
    assert resumed.exit_code == 0, resumed.output
    assert f"{rows + 1} epochs of 2 steps, {rows} of them done" in resumed.output
    assert [int(row["epoch"]) for row in read_log(out)] == list(range(1, rows + 2))


def test_validation_series_never_train(stack: Path, weights: Path, tmp_path: Path) -> None:
    out = ["--start", weights, "--out", tmp_path / "run", "--dry-run", *TINY]
    result = call(stack, "--validation", stack, *out)
    assert result.exit_code == 2
    assert "named for training and for validation" in result.output


def test_two_processes_share_a_training_and_one_goes_on(
    stack: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "napari_lbn", "train", str(stack), "--devices", "2"]
    command += ["--start", str(weights), "--out", str(out), "--epochs", "400", *TINY]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not (out / "last.safetensors").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    for once in ("everything is saved", "for each of 2 processes", "Epoch 1: "):
        assert errors.count(once) == 1, errors
    assert "Traceback" not in errors
    left = {path.name for path in temporary.iterdir() if "inductor" not in path.name}
    assert not left  # but torch's cache, one for each user
    assert output.strip() == str(out / "best.safetensors")
    configuration = json.loads((out / "configuration.json").read_text())
    assert configuration["training"]["accumulate"] == 2
    rows = len(read_log(out))
    configuration["run"]["epochs"] = rows + 1
    (out / "configuration.json").write_text(json.dumps(configuration))
    resumed = call("--resume", "--out", out)
    assert resumed.exit_code == 0, resumed.output
    assert [int(row["epoch"]) for row in read_log(out)] == list(range(1, rows + 2))


@pytest.mark.slow
def test_two_processes_fail_as_one(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "no_series.mrc").write_bytes(b"nothing")
    command = [sys.executable, "-m", "napari_lbn", "train", str(tmp_path / "no_series.mrc")]
    command += ["--devices", "2", "--start", str(weights), "--out", str(tmp_path / "run"), *TINY]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "no_series.mrc" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--configuration", "default"], "no series to train on"),
        (["--resume", "--out", "nowhere"], "holds no training"),
        (["--resume", "--epochs", "3"], "Leave the other options out"),
        (["--configuration", "unheard-of"], "no configuration 'unheard-of'"),
        (["--set", "training.rate=1"], "no training.rate"),
    ],
)
def test_refusals(arguments: list[str], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_start_that_failed_early_leaves_no_old_configuration(
    stack: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "configuration.json").write_text("{}")
    result = call(stack, "--start", weights, "--out", out, "--epochs", "1", *TINY)
    assert result.exit_code == 0, result.output
    assert json.loads((out / "configuration.json").read_text())["run"]["epochs"] == 1

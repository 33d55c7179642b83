"""`napari-lbn reconstruct` with every method, number type, and after a kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app

ANGLES = np.arange(-40, 41, 10)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Tilts of a few dots over noise, with a .tlt beside them."""
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "TS.mrc"
    rng = np.random.default_rng(1)
    tilts = rng.normal(100, 5, (len(ANGLES), 70, 32)).astype(np.float32)
    tilts[:, 10:12, 14:18] += 40
    with mrcfile.new(path) as file:
        file.set_data(tilts)
        file.set_image_stack()
        file.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("".join(f"{angle}\n" for angle in ANGLES))
    return path


@pytest.mark.parametrize(
    "options",
    [
        ["--filter", "exact", "--cutoff", 0.3],
        ["--filter", "sirt-like", "--iterations", 5],
        ["--method", "sirt", "--iterations", 3],
        ["--method", "tv", "--iterations", 3, "--free-standing"],
        ["--method", "sirt", "--non-negative", "--iterations", 3],
    ],
    ids=lambda options: "_".join(map(str, options)),
)
def test_every_method_writes_a_tomogram(series: Path, tmp_path: Path, options: list[Any]) -> None:
    out = tmp_path / "t.mrc"
    done = run("reconstruct", series, "--out", out, "--thickness", 10, *options)
    assert done.exit_code == 0, done.output
    tomogram = mrcfile.read(out)
    assert tomogram.shape == (10, 70, 32)
    inside, outside = tomogram[3:7, 10:12, 14:18].mean(), tomogram[:, 30:].mean()
    assert inside > outside + tomogram.std()
    if "--method" in options:
        record = json.loads(out.with_suffix(".json").read_text())
        (curve,) = record["residual_curves"]
        assert len(curve) == 3
        assert curve[-1] < curve[0]
    if "--non-negative" in options:
        assert tomogram.min() >= 0


def test_int16_records_its_scale(series: Path, tmp_path: Path) -> None:
    for name in ("float32", "int16"):
        target = tmp_path / f"{name}.mrc"
        done = run("reconstruct", series, "--out", target, "--thickness", 6, "--samples", name)
        assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "int16.json").read_text())["samples"]
    samples = mrcfile.read(tmp_path / "int16.mrc")
    assert samples.dtype == np.int16
    back = samples * record["scale"] + record["offset"]
    truth = mrcfile.read(tmp_path / "float32.mrc")
    clipped = np.abs(samples) == 32767
    assert np.count_nonzero(clipped) <= record["clipped"] + 2
    np.testing.assert_allclose(back[~clipped], truth[~clipped], atol=record["scale"])


KILLED = """
import os, signal
from napari_lbn.cli import main
from napari_lbn.engine.io.resumable_volume import ResumableVolume
write = ResumableVolume.write_slab
def write_and_die(self, *arguments):
    write(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
ResumableVolume.write_slab = write_and_die
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
def test_a_killed_run_goes_on_from_its_finished_slabs(series: Path, tmp_path: Path) -> None:
    arguments = ["reconstruct", str(series), "--thickness", "8", "--resume"]
    out = ["--out", str(tmp_path / "t.mrc")]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments, *out], check=False, capture_output=True
    )
    assert killed.returncode == -9
    assert not (tmp_path / "t.mrc").exists()
    done = run(*arguments, *out)
    assert done.exit_code == 0, done.output
    assert "64 of 70 rows are finished" in done.stderr
    whole = tmp_path / "whole.mrc"
    assert run(*arguments[:-1], "--out", whole).exit_code == 0
    np.testing.assert_array_equal(mrcfile.read(tmp_path / "t.mrc"), mrcfile.read(whole))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "t.mrc", "whole.mrc"]


def test_non_negative_is_refused_where_it_means_nothing(series: Path, tmp_path: Path) -> None:
    done = run("reconstruct", series, "--out", tmp_path / "t.mrc", "--non-negative")
    assert done.exit_code == 2
    assert "--non-negative" in done.stderr

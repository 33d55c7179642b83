"""`napari-lbn filter`: learn, look, apply."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app

ANGLES = np.arange(-45, 46, 10)
SMALL = ["--volumes", 1, "--size", "12,16,24", "--tilts", 9, "--steps", 3]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["filter", *(str(argument) for argument in arguments)])


def ok(*arguments: object) -> Any:
    done = run(*arguments)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "TS.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.random.default_rng(0).normal(9, 1, (10, 18, 30)).astype(np.float32))
        file.set_image_stack()
        file.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("".join(f"{angle}\n" for angle in ANGLES))
    return path


@pytest.mark.parametrize("transfer", ["linear", "polynomial"])
def test_a_filter_of_simulated_volumes_is_applied_to_a_series(
    series: Path, tmp_path: Path, transfer: str
) -> None:
    learned, out = tmp_path / "f.safetensors", tmp_path / "t.mrc"
    ok("train", *SMALL, "--out", learned)
    shown = ok("show", learned).stdout
    assert "9 tilts" in shown
    assert "simulated volumes 1 to 1" in shown
    options = ["--thickness", 10, "--transfer", transfer, "--samples", "int16"]
    done = ok("apply", series, "--using", learned, "--out", out, *options)
    assert "transfer" in done.stderr
    assert mrcfile.read(out).shape == (10, 18, 30)
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["filter"] == "f.safetensors"
    assert record["filter_transfer"] == transfer
    assert record["filter_sha256"] == hashlib.sha256(learned.read_bytes()).hexdigest()
    with mrcfile.open(out, header_only=True) as file:
        assert "learned filter, measured tilts" in " ".join(file.get_labels())


def test_options_without_effect_are_refused(series: Path, tmp_path: Path) -> None:
    learned = ("--out", tmp_path / "f.safetensors")
    for given, told in (
        ((series, "--tilts", 9), "--tilts does nothing to a series' own tilts"),
        ((*SMALL, "--thickness", 9, "--bin", 2), "--thickness, --bin do nothing without a series"),
        (
            (series, "--regenerate", "--thickness", 9, "--max-tilt", 50),
            "--thickness, --max-tilt do nothing with --regenerate",
        ),
    ):
        done = run("train", *given, *learned)
        assert done.exit_code == 2
        assert told in " ".join(done.stderr.split())
    assert not (tmp_path / "f.safetensors").exists()


@pytest.mark.parametrize(
    "options", [["--thickness", 10], ["--regenerate", *SMALL[:4]]], ids=["held-out", "again"]
)
def test_a_filter_is_learned_for_a_series(
    series: Path, tmp_path: Path, options: list[object]
) -> None:
    learned = tmp_path / "f.safetensors"
    kind = ["--variant", "plane-2d", "--padding", "--loss", "huber", "--steps", 3]
    kind += ["--tv-volume", 0.1, "--isotropic"]
    ok("train", series, "--out", learned, *kind, *options)
    assert "10 tilts, -45° to 45°" in ok("show", learned).stdout


def test_the_picture_of_a_filter(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ok("train", *SMALL, "--out", tmp_path / "f.safetensors")
    ok("show", tmp_path / "f.safetensors", "--figure", tmp_path / "f.png")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", *SMALL, "--out", "f.pt"],
        ["train", "--size", "big", "--out", "f.safetensors"],
        ["train", "--regenerate", "--out", "f.safetensors"],
        ["train", "--rate", "nan", "--out", "f.safetensors"],
        ["train", "--max-tilt", "0", "--out", "f.safetensors"],
        ["train", "--snr", "0", "--out", "f.safetensors"],
        ["train", "--out", "absent/f.safetensors"],
        ["show", "absent.safetensors"],
        ["show", "absent.safetensors", "--figure", "f.xyz"],
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(
    arguments: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("napari_lbn.engine.reconstruction.learned.simulated_examples", never)
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert "Error:" in done.stderr
    assert list(tmp_path.iterdir()) == []

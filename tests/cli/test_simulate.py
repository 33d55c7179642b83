"""`napari-lbn simulate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app
from napari_lbn.engine.io import open_tilt_series, open_volume, read_angles

from .conftest import run

GIVEN = ("--pixel-size", 20, "--truth-step", 10)
SMALL = ("--size", 16, 24, "--thickness", 24, *GIVEN)


def simulated(folder: Path, *more: object) -> dict[str, Any]:
    usual = GIVEN if "--truth" in more else GIVEN[2:] if "--shrec" in more else SMALL
    result = run("simulate", "--out", folder, *usual, *more)
    assert result.exit_code == 0, result.output
    return json.loads((folder / "simulated.json").read_text())


def test_a_simulation_writes_series_truths_and_where_they_come_from(tmp_path: Path):
    record = simulated(tmp_path / "sim", "--seed", 5, "--only", "molecules,beads")
    files = sorted(path.name for path in (tmp_path / "sim").iterdir())
    assert len(files) == 9
    assert record["simulated"] is True
    assert record["ingredients"] == ["molecules", "beads"]
    series = open_tilt_series(tmp_path / "sim" / "simulated.mrc")
    assert series.image_shape == (16, 24)
    assert series.angles[[0, -1]].tolist() == [-60, 60]
    box = read_angles(tmp_path / "sim" / "simulated_truth_box.tlt").angles
    assert (box.min(), box.max()) == (-80, 80)
    with mrcfile.open(tmp_path / "sim" / "simulated_truth_tomogram.mrc") as file:
        assert file.is_volume()
        assert file.data.shape[1:] == (16, 24)
    again = simulated(tmp_path / "again", "--seed", 5, "--only", "molecules,beads")
    assert again["shifts"] == record["shifts"]


def test_angles_missing_tilts_order_and_pre_tilt(tmp_path: Path):
    record = simulated(
        tmp_path,
        *("--range", -40, 40, "--step", 10, "--missing=-20,10", "--order", "bidirectional"),
        *("--exposure", "inverse-cosine", "--dose", 70, "--only", "", "--pre-tilt", 8),
    )
    assert record["measured_angles"] == [-40, -30, -10, 0, 20, 30, 40]
    order = np.array(record["acquisition_order"])
    assert order.argmin() == 3
    assert order.argmax() == 0
    assert sum(record["dose"]) == pytest.approx(70)
    assert record["dose"][0] == pytest.approx(record["dose"][3] / np.cos(np.deg2rad(40)))
    assert record["pre_tilt"] == 8


def test_a_given_volume_is_re_projected(tmp_path: Path):
    volume = np.zeros((8, 16, 20), np.float32)
    volume[2:6, 4:9, 6:14] = 1
    mrcfile.write(tmp_path / "V.mrc", volume, voxel_size=10.0)
    record = simulated(tmp_path / "sim", "--truth", tmp_path / "V.mrc", "--no-noise", "--no-ctf")
    assert record["volume"] == str(tmp_path / "V.mrc")
    assert record["pixel_size"] == 20  # as it was given: a header may be wrong
    truth, size = open_volume(tmp_path / "sim" / "simulated_truth_tomogram.mrc")
    assert size == 20
    told = ("--truth", tmp_path / "V.mrc", "--no-noise", "--truth-step", 10)
    assert run("simulate", "--out", tmp_path / "own", *told).exit_code == 0
    assert json.loads((tmp_path / "own" / "simulated.json").read_text())["pixel_size"] == 10
    # Dense is dark in what a simulation writes.
    assert np.corrcoef(np.asarray(truth).ravel(), volume.ravel())[0, 1] == pytest.approx(-1)


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
def test_a_volume_that_cannot_be_taken_is_named(tmp_path: Path):
    volume = np.zeros((8, 16, 20), np.float32)
    volume[4, 8, 10] = np.nan
    mrcfile.write(tmp_path / "V.mrc", volume, voxel_size=10.0)
    result = run("simulate", "--out", tmp_path / "sim", *GIVEN, "--truth", tmp_path / "V.mrc")
    assert result.exit_code == 2
    assert "V.mrc holds 1 voxels that are not finite" in result.output.replace("\n", " ")
    volume[4, 8, 10] = 1
    with mrcfile.new(tmp_path / "V.mrc", volume, overwrite=True) as file:
        file.voxel_size = 10.0
        file.header.mapc, file.header.maps = 3, 1
    result = run("simulate", "--out", tmp_path / "sim", *GIVEN, "--truth", tmp_path / "V.mrc")
    assert result.exit_code == 0
    assert "orders its axes (3, 2, 1)" in result.output.replace("\n", " ")


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("napari_lbn.engine.simulation.experiment.run_experiment", never)
    (tmp_path / "file").write_text("here first")
    arguments = ["simulate", "--out", str(tmp_path / "file" / "sim")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.output
    assert "a part of its path is a file" in " ".join(result.stderr.split())


def test_a_shrec_model_is_re_projected(tmp_path: Path):
    folder = tmp_path / "shrec" / "model_2"
    folder.mkdir(parents=True)
    mrcfile.write(folder / "grandmodel.mrc", np.eye(16, 20, dtype=np.float32)[None].repeat(6, 0))
    record = simulated(tmp_path / "sim", "--shrec", tmp_path / "shrec", "--model", 2)
    assert record["pixel_size"] == 10
    assert record["volume"].endswith("model_2/grandmodel.mrc")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--only", "unicorns"), "'unicorns' is no ingredient"),
        (("--missing", "1"), "none of the angles"),
        (("--maps", "absent"), "absent"),
        (("--range", 0, 10, "--step", 5, "--missing", "0,5,10"), "leaves no tilts"),
        (("--shrec", "a"), "--size, --pixel-size, --thickness do nothing to a given volume"),
        (("--truth", "a.mrc"), "--size, --thickness do nothing to a given volume"),
        (("--model", 1), "--model does nothing without --shrec"),
        (("--dense-is-negative",), "--dense-is-negative does nothing without --truth"),
        (("--range", 60, -60), "no range"),
        (("--thickness", 0), "thickness"),
        (("--angles", 0), "two tilts at least"),
        (("--name", "a/b"), "no file name"),
        (("--borders", "nan"), "0 to 45"),
        (("--pre-tilt", 200), "pre-tilt"),
        (("--defocus=-3",), "defocus"),
        (("--snr", "1e30"), "signal-to-noise"),
    ],
)
def test_what_cannot_be_simulated_is_told(tmp_path: Path, arguments: tuple[object, ...], told: str):
    result = run("simulate", "--out", tmp_path / "sim", *SMALL, *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert not (tmp_path / "sim").exists()


def test_one_volume_at_a_time(tmp_path: Path):
    result = run("simulate", "--out", tmp_path, "--truth", "a.mrc", "--shrec", "b")
    assert result.exit_code == 2
    assert "Which volume" in result.output

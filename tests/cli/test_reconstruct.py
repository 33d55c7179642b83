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

from napari_lbn.cli.reconstruction.output import _without_circumstances

from .conftest import run

ANGLES = np.arange(-40, 41, 10)


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
        assert curve["rows"] == [0, 70]
        assert len(curve["residuals"]) == 3
        assert curve["residuals"][-1] < curve["residuals"][0]
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
from napari_lbn.engine.io.tomograms.resumable import ResumableWriter
from napari_lbn.engine.reconstruction import plan
plan.FREE_COLUMNS = plan.COLUMNS  # slabs of equal size with Numba and without
write = ResumableWriter._write_rows
def write_and_die(self, *arguments):
    write(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
ResumableWriter._write_rows = write_and_die
main()
"""


def densities(path: Path) -> np.ndarray:
    """A tomogram, by whichever program reads its format."""
    if path.suffix == ".mrc":
        return mrcfile.read(path)
    array = pytest.importorskip("zarr").open_group(path, mode="r")["0"]
    return array[:] * array.attrs["scale_factor"] + array.attrs["add_offset"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
@pytest.mark.parametrize(
    ("name", "record"), [("t.mrc", "t.json"), ("t.ome.zarr", "t.ome.zarr.json")]
)
def test_a_killed_run_goes_on_from_its_finished_slabs(
    series: Path, tmp_path: Path, name: str, record: str
) -> None:
    arguments = ["reconstruct", str(series), "--thickness", "8", "--resume"]
    out = ["--out", str(tmp_path / name)]
    if name.endswith(".zarr"):
        pytest.importorskip("zarr")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments, *out], check=False, capture_output=True
    )
    assert killed.returncode == -9
    assert not (tmp_path / name).exists()
    done = run(*arguments, *out)
    assert done.exit_code == 0, done.output
    assert "64 of 70 rows are finished" in done.stderr
    whole = tmp_path / "whole.mrc"
    assert run(*arguments[:-1], "--out", whole).exit_code == 0
    np.testing.assert_array_equal(densities(tmp_path / name), mrcfile.read(whole))
    left = sorted(["in", record, name, "whole.json", "whole.mrc"])
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_a_plain_tomogram_tells_what_it_was_made_from_too(series: Path, tmp_path: Path) -> None:
    done = run("reconstruct", series, "--out", tmp_path / "t.mrc", "--thickness", 6)
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "t.json").read_text())
    assert record["source"].endswith("TS.mrc")
    assert record["method"] == "WBPSettings"
    assert record["settings"]["filter"] == "ramp"


def test_ome_zarr_of_integers_holds_the_same_densities(series: Path, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    arguments = ["reconstruct", series, "--thickness", 6]
    integers = tmp_path / "t.ome.zarr"
    assert run(*arguments, "--out", tmp_path / "t.mrc").exit_code == 0
    done = run(*arguments, "--out", integers, "--samples", "int16")
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "t.ome.zarr.json").read_text())["samples"]
    assert json.loads((tmp_path / "t.json").read_text())["samples"] != record  # each has its own
    truth = mrcfile.read(tmp_path / "t.mrc")
    inside = np.abs(truth - record["offset"]) < record["scale"] * 32766
    np.testing.assert_allclose(densities(integers)[inside], truth[inside], atol=record["scale"])


def test_names_that_cannot_be_written_are_refused_before_the_work(
    series: Path, tmp_path: Path
) -> None:
    pytest.importorskip("zarr")
    (tmp_path / "t.ome.zarr").mkdir()
    for name, told in (("t.tif", "neither in .mrc nor"), ("t.ome.zarr", "exists already")):
        done = run("reconstruct", series, "--out", tmp_path / name, "--thickness", 6)
        assert done.exit_code == 2
        assert told in done.stderr.replace("\n", " ")


def test_non_negative_is_refused_where_it_means_nothing(series: Path, tmp_path: Path) -> None:
    done = run("reconstruct", series, "--out", tmp_path / "t.mrc", "--non-negative")
    assert done.exit_code == 2
    assert "--non-negative" in done.stderr


def test_back_projected_with_synthesized_tilts_it_is_the_tomogram_of_correct(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    options = ["--weights", weights, "--thickness", 10, "--alpha", 0.5]
    assert run("correct", series, "--out", tmp_path / "out", *options).exit_code == 0
    done = run("reconstruct", series, "--out", tmp_path / "t.mrc", "--lbn", *options)
    assert done.exit_code == 0, done.output
    assert "Reconstructing the tomogram" in done.stderr
    expected = mrcfile.read(tmp_path / "out" / "TS_wbp_lbn.mrc")
    tomogram = mrcfile.read(tmp_path / "t.mrc")
    np.testing.assert_allclose(tomogram, expected, atol=1e-4 * np.ptp(expected))


def test_what_lbn_warns_of_is_told_and_no_header_claims_what_is_not_there(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    options = ["--weights", weights, "--thickness", 10, "--lbn"]
    cases = {
        "none": (["--increment", 100], "measured tilts", "leave no missing wedge"),
        "zero": (["--alpha", 0], "measured tilts", ""),
        "all": ([], "measured + 1 x synthesized tilts (LBN)", ""),
    }
    for name, (more, content, told) in cases.items():
        out = tmp_path / f"{name}.mrc"
        done = run("reconstruct", series, "--out", out, *options, *more)
        assert done.exit_code == 0, done.output
        assert told in done.stderr
        with mrcfile.open(out, header_only=True) as file:
            assert f"ramp filter, {content}" in " ".join(file.get_labels())
    done = run("correct", series, "--out", tmp_path / "out", *options[:-1], "--increment", 100)
    assert done.exit_code == 0, done.output
    with mrcfile.open(tmp_path / "out" / "TS_wbp_lbn.mrc", header_only=True) as file:
        assert "WBP, measured tilts" in " ".join(file.get_labels())


def test_memory_and_device_may_change_between_a_stopped_run_and_the_next() -> None:
    record = {"source": "TS.mrc", "options": {"increment": 3.0}}
    other = {"options": {"increment": 3.0, "memory_bound": 9, "device": "cuda"}, "created": "now"}
    assert _without_circumstances({**record, **other}) == record


@pytest.mark.parametrize("method", ["sirt", "tv"])
def test_synthesized_tilts_change_iterative_tomograms(
    series: Path, weights: Path, tmp_path: Path, method: str
) -> None:
    options = ["--weights", weights, "--thickness", 10, "--method", method, "--iterations", 3]
    for name, more in (("alone", ["--bin", 1]), ("both", ["--lbn"])):
        done = run("reconstruct", series, "--out", tmp_path / f"{name}.mrc", *options, *more)
        assert done.exit_code == 0, done.output
    both, alone = (mrcfile.read(tmp_path / f"{name}.mrc") for name in ("both", "alone"))
    assert both.shape == alone.shape
    assert np.abs(both - alone).max() > 0.01 * alone.std()
    record = json.loads((tmp_path / "both.json").read_text())
    assert record["alpha"] == 1
    assert len(record["synthesized_angles"]) > 0


def test_synthesized_tilts_go_through_a_learned_filter(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    learned = tmp_path / "f.safetensors"
    size = ["--volumes", 1, "--size", "12,16,24", "--tilts", 9, "--steps", 1]
    done = run("filter", "train", "--variant", "plane-2d", *size, "--out", learned)
    assert done.exit_code == 0, done.output
    options = ["--using", learned, "--weights", weights, "--thickness", 10]
    for name, more in (("alone", ["--bin", 1]), ("both", ["--lbn"])):
        out = tmp_path / f"{name}.mrc"
        done = run("filter", "apply", series, *options, *more, "--out", out)
        assert done.exit_code == 0, done.output
    both, alone = (mrcfile.read(tmp_path / f"{name}.mrc") for name in ("both", "alone"))
    assert np.abs(both - alone).max() > 0.01 * alone.std()
    record = json.loads((tmp_path / "both.json").read_text())
    assert record["filter"] == "f.safetensors"
    assert len(record["synthesized_angles"]) > 0
    with mrcfile.open(tmp_path / "both.mrc", header_only=True) as file:
        assert "measured + 1 x synthesized tilts (LBN)" in " ".join(file.get_labels())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--alpha", 0.3, "--fill-gaps"], "--alpha, --fill-gaps do nothing without synthesized"),
        (["--adapt"], "--adapt does nothing without synthesized"),
        (["--relaxation", 1.5], "--relaxation does nothing with --method wbp"),
        (["--iterations", 5], "--iterations does nothing with --method wbp, --filter ramp"),
        (["--falloff", 0.1], "--falloff does nothing with --method wbp, --filter ramp and no"),
        (["--method", "sirt", "--strength", 1], "--strength does nothing with --method sirt"),
        (["--method", "tv", "--filter", "none"], "--filter does nothing with --method tv"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    series: Path, tmp_path: Path, options: list[object], told: str
) -> None:
    done = run("reconstruct", series, "--out", tmp_path / "t.mrc", *options)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert not (tmp_path / "t.mrc").exists()


def test_binned_tilts_count_against_the_memory_that_is_allowed(
    series: Path, tmp_path: Path
) -> None:
    options = ["--bin", 2, "--thickness", 8, "--memory", 1e-5]
    done = run("reconstruct", series, "--out", tmp_path / "t.mrc", *options)
    assert done.exit_code == 2
    assert "binned tilts alone" in done.stderr


def test_an_augmented_stack_is_reconstructed_as_it_was(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    """Its last tilt lies at 90 degrees."""
    options = ["--weights", weights, "--thickness", 10]
    assert run("correct", series, "--out", tmp_path / "out", *options).exit_code == 0
    stack = tmp_path / "out" / "TS_lbn.mrc"
    assert "90.00" in stack.with_suffix(".tlt").read_text()
    done = run("reconstruct", stack, "--out", tmp_path / "t.mrc", "--thickness", 10)
    assert done.exit_code == 0, done.output
    expected = mrcfile.read(tmp_path / "out" / "TS_wbp_lbn.mrc")
    tomogram = mrcfile.read(tmp_path / "t.mrc")
    assert tomogram.std() == pytest.approx(expected.std(), rel=0.1)
    assert np.corrcoef(tomogram.ravel(), expected.ravel())[0, 1] > 0.98


def test_a_changed_alignment_begins_anew(tmp_path: Path) -> None:
    """What a stopped run had made is of the alignment of before."""
    path = tmp_path / "raw.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.random.default_rng(1).normal(size=(9, 70, 32)).astype(np.float32))
        file.set_image_stack()
        file.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("".join(f"{angle}\n" for angle in ANGLES))
    shifts = path.with_suffix(".xf")
    shifts.write_text("1 0 0 1 2 0\n" * 9)
    out = ["--out", str(tmp_path / "t.mrc")]
    arguments = ["reconstruct", str(shifts), "--thickness", "8", "--resume", *out]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert killed.returncode == -9
    shifts.write_text("1 0 0 1 2 0\n" * 5 + "1 0 0 1 1 0\n" * 4)
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert "are finished" not in done.stderr
    assert "64 finished rows of t.mrc came from other inputs" in " ".join(done.stderr.split())


def test_an_absent_folder_is_told_before_anything_is_synthesized(
    series: Path, tmp_path: Path
) -> None:
    out = tmp_path / "absent" / "tomogram.mrc"
    options = ["--thickness", 16, "--lbn", "--weights", "fast", "--device", "cpu"]
    result = run("reconstruct", series, "--out", out, *options)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
    assert "Synthesizing" not in result.stderr

"""The command line as a user meets it: exit codes, messages, files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from napari_lbn.cli.app import app
from napari_lbn.cli.series import exclude_sections, include_sections, parse_angles
from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.io.text_input import parse_sections
from napari_lbn.engine.tilt_series import TiltSeries

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


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny, untrained network for 8 to 16 Å."""
    import torch

    from napari_lbn.engine.io.weights import save_weights
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


@pytest.fixture(scope="module")
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


# --- what the commands offer ---------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_shared_options(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    shared = {"--tilt-angles", "--thickness", "--pixel-size", "--weights", "--device"}
    assert shared | {"--sample", "--invert-tilt-angles", "--exclude", "--debug"} <= options


@pytest.mark.parametrize("name", [*COMMANDS, "evaluate", "batch", "simulate"])
def test_help_breaks_lines_at_sentences_and_the_terminals_edge_only(name: str) -> None:
    text = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "400"}).output
    told = text[text.index("[OPTIONS]") : text.index("╭")].splitlines()[1:]
    assert [line for line in told if line.strip() and not line.rstrip().endswith(".")] == []


def test_version() -> None:
    assert ok("--version").stdout.startswith("napari-lbn ")


# --- info ------------------------------------------------------------------------------------


def test_info_tells_shape_pixel_size_angles_and_wedge(series: Path, weights: Path) -> None:
    text = ok("info", series, "--weights", weights, "--thickness", 12).stdout
    for part in ("9 of 16 x 40", "10 Å", "-40° to 40°", "100°", "TS.tlt", "9 tilts to synthesize"):
        assert part in text


def test_info_json_takes_the_wedge_from_the_actual_angles(tmp_path: Path, weights: Path) -> None:
    pre_tilted = write_series(tmp_path, angles=[angle + 7 for angle in ANGLES])
    facts = json.loads(ok("info", pre_tilted, "--json", "--weights", weights).stdout)
    assert facts["missing_wedge"] == [47.0, 147.0]
    assert facts["increment"] == 10.0
    assert facts["plan"]["synthesized_tilts"] == 9


def test_unsorted_angles_are_sorted_and_told(tmp_path: Path) -> None:
    mixed = write_series(tmp_path)
    file = mixed.with_suffix(".tlt")
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[::2] + lines[1::2]) + "\n")
    assert "sorted here" in ok("info", mixed).stdout
    result = ok("reconstruct", mixed, "--out", tmp_path / "rec.mrc", "--thickness", 8)
    assert "not in the order of the angles" in result.stderr


def test_info_counts_excluded_sections_from_one(series: Path) -> None:
    facts = json.loads(ok("info", series, "--json", "--exclude", "1,9").stdout)
    assert facts["excluded_sections"] == [1, 9]
    assert facts["angle_range"] == [-30.0, 30.0]


def test_info_says_why_a_correction_is_not_possible(tmp_path: Path, weights: Path) -> None:
    coarse = write_series(tmp_path, pixel_size=40.0)
    facts = json.loads(ok("info", coarse, "--json", "--weights", weights).stdout)
    assert "coarser" in facts["plan"]["refused"]


def test_inverted_angles_change_sign_and_are_recorded(series: Path) -> None:
    series.with_suffix(".tlt").write_text("".join(f"{angle + 7}\n" for angle in ANGLES))
    facts = json.loads(ok("info", series, "--json", "--invert-tilt-angles").stdout)
    assert facts["angle_range"] == [-47.0, 33.0]
    assert facts["angles_inverted"] is True


def test_inverting_the_angles_reverses_the_tomogram_in_z(tmp_path: Path) -> None:
    series = write_series(tmp_path, angles=[angle + 7 for angle in ANGLES])
    ok("reconstruct", series, "--out", tmp_path / "as_is.mrc", "--thickness", 20)
    options = ["--thickness", 20, "--invert-tilt-angles"]
    ok("reconstruct", series, "--out", tmp_path / "inverted.mrc", *options)
    as_is, inverted = read(tmp_path / "as_is.mrc"), read(tmp_path / "inverted.mrc")
    assert np.abs(inverted - as_is).max() > 0.1 * as_is.std()
    np.testing.assert_allclose(inverted[::-1], as_is, atol=1e-3 * as_is.std())
    with mrcfile.open(tmp_path / "inverted.mrc", header_only=True) as mrc:
        assert "inverted" in " ".join(mrc.get_labels())


# --- correct, reconstruct, synthesize --------------------------------------------------------


def test_correct_writes_five_files_and_nothing_else(correction: Path) -> None:
    names = [path.name for path in left_behind(correction)]
    assert names == ["TS_lbn.json", "TS_lbn.mrc", "TS_lbn.tlt", "TS_wbp.mrc", "TS_wbp_lbn.mrc"]


def test_measured_tilts_are_untouched_in_the_stack(correction: Path, series: Path) -> None:
    stack, angles = read(correction / "TS_lbn.mrc"), np.loadtxt(correction / "TS_lbn.tlt")
    assert len(stack) == len(angles) == 18
    assert np.all(np.diff(angles) > 0)
    measured = np.isin(angles, ANGLES)
    np.testing.assert_array_equal(stack[measured], read(series))


def test_headers_say_stack_or_volume_and_the_voxel_size(correction: Path) -> None:
    for name, space_group, shape in [
        ("TS_lbn.mrc", 0, (18, *SHAPE)),
        ("TS_wbp.mrc", 1, (12, *SHAPE)),
        ("TS_wbp_lbn.mrc", 1, (12, *SHAPE)),
    ]:
        with mrcfile.open(correction / name) as mrc:
            assert mrc.data.shape == shape
            assert mrc.data.dtype == np.float32
            assert int(mrc.header.ispg) == space_group
            assert float(mrc.voxel_size.x) == pytest.approx(PIXEL_SIZE)
            assert float(mrc.header.dmax) == mrc.data.max()


def test_ome_zarr_tomograms_are_those_of_the_mrc_files(
    correction: Path, series: Path, weights: Path, tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr")
    folder = tmp_path / "zarr"
    options = ["--weights", weights, "--thickness", 12, "--tomograms", "ome-zarr"]
    ok("correct", series, "--out", folder, *options)
    for name in ("TS_wbp", "TS_wbp_lbn"):
        array = zarr.open_group(folder / f"{name}.ome.zarr", mode="r")["0"]
        np.testing.assert_array_equal(array[:], read(correction / f"{name}.mrc"))
    names = {"TS_lbn.json", "TS_lbn.mrc", "TS_lbn.tlt", "TS_wbp.ome.zarr", "TS_wbp_lbn.ome.zarr"}
    assert {path.name for path in folder.iterdir()} == names
    refused = run("correct", series, "--out", folder, *options)
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr.replace("\n", " ")


def test_the_record_says_what_changed_outside_the_wedge(correction: Path) -> None:
    record = json.loads((correction / "TS_lbn.json").read_text())["alteration"]
    assert 0 <= record["changed_outside"] < record["added_inside"]
    assert "Outside the wedge" in record["in_words"]


def test_labels_tell_measured_from_synthesized(correction: Path) -> None:
    labels = {}
    for path in correction.glob("*.mrc"):
        with mrcfile.open(path, header_only=True) as mrc:
            labels[path.stem] = " ".join(mrc.get_labels())
    assert "9 measured and 9 synthesized (LBN) tilts of TS" in labels["TS_lbn"]
    assert "WBP, measured tilts of TS" in labels["TS_wbp"]
    assert "measured + 1 x synthesized tilts (LBN)" in labels["TS_wbp_lbn"]


def test_the_record_tells_synthesized_from_measured(correction: Path, weights: Path) -> None:
    record = json.loads((correction / "TS_lbn.json").read_text(encoding="utf-8"))
    synthesized = set(np.loadtxt(correction / "TS_lbn.tlt")) - set(ANGLES)
    assert set(record["synthesized_angles"]) == synthesized
    assert record["measured_angles"] == ANGLES
    assert record["weights"]["name"] == "tiny"
    assert record["alpha"] == 1.0


def test_plain_wbp_of_correct_is_the_tomogram_of_reconstruct(
    correction: Path, series: Path, tmp_path: Path
) -> None:
    ok("reconstruct", series, "--out", tmp_path / "rec.mrc", "--thickness", 12)
    np.testing.assert_array_equal(read(tmp_path / "rec.mrc"), read(correction / "TS_wbp.mrc"))


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_alpha_blends_linearly(
    correction: Path, series: Path, weights: Path, tmp_path: Path, alpha: float
) -> None:
    folder = tmp_path / "blended"
    options = ["--weights", weights, "--thickness", 12, f"--alpha={alpha}"]
    ok("correct", series, "--out", folder, *options)
    plain, full = read(correction / "TS_wbp.mrc"), read(correction / "TS_wbp_lbn.mrc")
    blended = read(folder / "TS_wbp_lbn.mrc")
    assert np.abs(full - plain).max() > 0
    np.testing.assert_allclose(blended, plain + alpha * (full - plain), atol=1e-5 * full.std())
    if alpha == 0:
        np.testing.assert_array_equal(blended, plain)
    changed = [json.loads((f / "TS_lbn.json").read_text()) for f in (folder, correction)]
    here, whole = (record["alteration"]["added_inside"] for record in changed)
    assert here == pytest.approx(alpha * whole)


def test_synthesize_keeps_the_order_of_the_angles(
    correction: Path, series: Path, weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tilts.mrc"
    options = ["--weights", weights, "--thickness", 12]
    ok("synthesize", series, "--angles=70,-50,0", "--box", "--out", path, *options)
    np.testing.assert_array_equal(np.loadtxt(path.with_suffix(".tlt")), [70, -50, 0])
    tilts = read(path)
    stack, angles = read(correction / "TS_lbn.mrc"), np.loadtxt(correction / "TS_lbn.tlt")
    for i, angle in enumerate([70, -50]):
        expected = stack[angles == angle][0]
        np.testing.assert_allclose(tilts[i], expected, rtol=1e-4, atol=1e-4 * expected.std())
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["synthesized_angles"] == [70, -50, 0]
    assert record["wedge_tilts_show"] == "the reconstruction box alone"
    ok("synthesize", series, "--angles=70,-30", "--out", path, *options)
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["wedge_tilts_show"] == "the whole specimen"
    assert not np.allclose(read(path)[0], tilts[0], rtol=1e-2)


def test_synthesize_takes_an_angle_file_and_tells_measured_angles(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "wanted.tlt").write_text("-60\n10\n")
    path = tmp_path / "tilts.mrc"
    options = ["--angles", tmp_path / "wanted.tlt", "--out", path, "--weights", weights]
    assert "1 of these angles was measured (10°)" in ok("synthesize", series, *options).stderr
    assert read(path).shape == (2, *SHAPE)


def test_full_size_joins_the_unbinned_stack(tmp_path: Path, weights: Path, out: Path) -> None:
    fine = write_series(tmp_path, pixel_size=5.0, shape=(32, 80))
    ok("correct", fine, "--out", out, "--weights", weights, "--thickness", 12, "--full-size")
    stack, angles = read(out / "TS_lbn.mrc"), np.loadtxt(out / "TS_lbn.tlt")
    assert stack.shape == (18, 32, 80)
    np.testing.assert_array_equal(stack[np.isin(angles, ANGLES)], read(fine))
    assert read(out / "TS_wbp.mrc").shape == (12, 16, 40)  # at the working pixel size
    record = json.loads((out / "TS_lbn.json").read_text(encoding="utf-8"))
    assert record["synthesized_band_limit"] == 2 * record["pixel_size"]
    with mrcfile.open(out / "TS_lbn.mrc") as mrc:
        told = f"to {record['synthesized_band_limit']:g} A only"
        assert told in " ".join(mrc.get_labels()).replace("Å", "A")


def test_excluded_sections_are_left_out_of_everything(
    series: Path, weights: Path, out: Path
) -> None:
    ok("correct", series, "--out", out, "--weights", weights, "--thickness", 8, "--exclude=1,2")
    stack, angles = read(out / "TS_lbn.mrc"), np.loadtxt(out / "TS_lbn.tlt")
    np.testing.assert_array_equal(stack[np.isin(angles, ANGLES[2:])], read(series)[2:])
    assert np.abs(stack[angles == -30] - read(series)[1]).max() > 0  # now synthesized
    record = json.loads((out / "TS_lbn.json").read_text(encoding="utf-8"))
    assert record["excluded_angles"] == [-40, -30]


def test_a_later_run_replaces_the_files_of_an_earlier_one(correction: Path, series: Path) -> None:
    before = read(correction / "TS_wbp.mrc")
    ok("reconstruct", series, "--out", correction / "TS_wbp.mrc", "--thickness", 14)
    assert before.shape[0] == 12
    assert read(correction / "TS_wbp.mrc").shape[0] == 14


# --- bad input -------------------------------------------------------------------------------


def _text_named_mrc(folder: Path) -> None:
    (folder / "TS.mrc").write_text("not an image at all, but long enough to look at" * 50)


def _truncated(folder: Path) -> None:
    path = folder / "TS.mrc"
    path.write_bytes(path.read_bytes()[:1500])


def _wrong_angle_count(folder: Path) -> None:
    (folder / "TS.tlt").write_text("1\n2\n3\n")


def _no_angles(folder: Path) -> None:
    (folder / "TS.tlt").unlink()


def _one_tilt(folder: Path) -> None:
    write_series(folder, name="ONE.mrc", angles=[0.0]).replace(folder / "TS.mrc")
    (folder / "TS.tlt").write_text("0\n")


def _two_dimensional(folder: Path) -> None:
    with mrcfile.new(folder / "TS.mrc", overwrite=True) as mrc:
        mrc.set_data(np.zeros(SHAPE, np.float32))


def _empty(folder: Path) -> None:
    (folder / "TS.mrc").write_bytes(b"")


def _missing(folder: Path) -> None:
    (folder / "TS.mrc").unlink()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "damage",
    [
        _text_named_mrc,
        _truncated,
        _wrong_angle_count,
        _no_angles,
        _one_tilt,
        _two_dimensional,
        _empty,
        _missing,
    ],
)
def test_bad_files_end_with_a_message_and_leave_nothing(
    command: str, damage: Any, series: Path, out: Path
) -> None:
    damage(series.parent)
    target = {"correct": out, "info": None}.get(command, out.with_suffix(".mrc"))
    before = left_behind(series.parent)
    result = run(command, series, *(["--out", target] if target else []))
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ")
    assert "TS" in result.stderr
    assert "Traceback" not in result.output
    assert left_behind(series.parent) == before
    assert left_behind(series.parent.parent) == [series.parent, *before]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--thickness", "0"], "thickness"),
        (["--thickness", "10000000"], "thick"),
        (["--weights", "nonsense"], "nonsense"),
        (["--device", "cuda:77"], "cuda:77"),
        (["--device", "toaster"], "toaster"),
        (["--memory", "-1"], "memory"),
        (["--memory", "0.000001"], "memory"),
        (["--memory", "inf"], "memory"),
        (["--pixel-size", "0"], "pixel size"),
        (["--pixel-size", "80"], "coarser"),
        (["--exclude", "0"], "exclude"),
        (["--exclude", "10"], "section 10"),
        (["--exclude", "1-8"], "too few"),
        (["--exclude", "a,b"], "exclude"),
        (["--increment", "0"], "increment"),
        (["--increment", "0.001"], "increment"),
        (["--alpha", "nan"], "alpha"),
        (["--alpha", "-1"], "alpha"),
        (["--alpha", "1.5"], "alpha"),
        (["--bin", "100"], "coarser"),
        (["--filter", "sharp"], "sharp"),
        (["--tilt-angles", "nowhere.tlt"], "nowhere.tlt"),
        (["--sample"], "not both"),
    ],
)
def test_bad_options_end_with_a_message_and_leave_nothing(
    options: list[str], said: str, series: Path, out: Path, weights: Path
) -> None:
    chosen = ["--thickness", 12, "--weights", weights]
    result = run("correct", series, "--out", out, *chosen, *options)
    assert result.exit_code == 2, result.output
    assert said.lower() in result.stderr.lower()
    assert "Traceback" not in result.output
    assert left_behind(out) == []
    assert not out.exists()


def test_no_series_at_all() -> None:
    result = run("info")
    assert result.exit_code == 2
    assert "--sample" in result.stderr


def test_a_pixel_size_that_leaves_nothing_is_told(series: Path, weights: Path) -> None:
    result = ok("info", series, "--pixel-size", "0.01", "--weights", weights)
    assert "nothing is left of tilts of 16 × 40 pixels" in result.stdout
    assert "--pixel-size" in result.stdout


def test_unknown_pixel_size_asks_for_it(tmp_path: Path, out: Path, weights: Path) -> None:
    unknown = write_series(tmp_path, pixel_size=None)
    options = ["--out", out, "--weights", weights, "--thickness", 8]
    result = run("correct", unknown, *options)
    assert result.exit_code == 2
    assert "--pixel-size" in result.stderr
    ok("correct", unknown, *options, "--pixel-size", 10)


def test_plain_reconstruction_needs_no_pixel_size(tmp_path: Path) -> None:
    unknown = write_series(tmp_path, pixel_size=None)
    ok("reconstruct", unknown, "--out", tmp_path / "rec.mrc", "--thickness", 8)


@pytest.mark.parametrize("text", ["1,x", "91", "nan", "", ",", "nowhere.tlt"])
def test_bad_angle_lists(text: str, series: Path, tmp_path: Path) -> None:
    result = run("synthesize", series, f"--angles={text}", "--out", tmp_path / "tilts.mrc")
    assert result.exit_code == 2
    assert "--angles" in result.stderr
    assert not (tmp_path / "tilts.mrc").exists()


def test_the_input_is_never_overwritten(series: Path) -> None:
    before = series.read_bytes()
    result = run("reconstruct", series, "--out", series, "--thickness", 8)
    assert result.exit_code == 2
    assert "input" in result.stderr
    assert series.read_bytes() == before


def test_the_angles_of_the_input_are_never_overwritten(series: Path, weights: Path) -> None:
    angles = series.with_suffix(".tlt")
    before = angles.read_text()
    result = run("synthesize", series, "--out", series.with_suffix(".st"), "--weights", weights)
    assert result.exit_code == 2
    assert "TS.tlt is an input" in " ".join(result.stderr.split())
    assert angles.read_text() == before


def test_the_alignment_of_the_input_is_never_overwritten(series: Path, tmp_path: Path) -> None:
    folder = tmp_path / "alignment"
    ok("convert", series, "--to", "imod", "--out", folder)
    before = {path: path.read_bytes() for path in left_behind(folder)}
    raw = ["--alignment", folder / "TS.xf"]
    # its record would be TS.json, its angles TS.tlt beside TS.xf
    result = run("synthesize", series, *raw, "--angles", "70", "--out", folder / "TS.mrc")
    assert result.exit_code == 2
    assert "TS.tlt is an input of this run" in result.stderr.replace("\n", " ")
    assert {path: path.read_bytes() for path in left_behind(folder)} == before


def test_output_folder_that_is_a_file(series: Path, tmp_path: Path, weights: Path) -> None:
    (tmp_path / "taken").write_text("here first")
    options = ["--weights", weights, "--thickness", 8]
    result = run("correct", series, "--out", tmp_path / "taken", *options)
    assert result.exit_code == 2
    assert (tmp_path / "taken").read_text() == "here first"


def test_synthesize_asks_for_room_before_it_works(
    series: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("napari_lbn.cli.synthesize._run", never)
    target = tmp_path / "absent" / "tilts.mrc"
    result = run("synthesize", series, "--out", target, "--weights", weights)
    assert result.exit_code == 2
    assert f"the folder {target.parent} does not exist" in " ".join(result.stderr.split())


# --- failures on the way ---------------------------------------------------------------------


def test_a_full_disk_at_the_end_leaves_nothing(
    series: Path, out: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("The disk is full.", "Free some space.")

    monkeypatch.setattr("napari_lbn.cli.correction_output.write_provenance", full)
    result = run("correct", series, "--out", out, "--weights", weights, "--thickness", 8)
    assert result.exit_code == 2
    assert "disk is full" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("step", ["write_stack", "write_tilt_angles", "write_provenance"])
def test_a_failed_run_keeps_the_files_of_an_earlier_one(
    correction: Path, series: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = {path: path.read_bytes() for path in left_behind(correction)}

    def full(*_: object, **__: object) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(f"napari_lbn.cli.correction_output.{step}", full)
    assert run("correct", series, "--out", correction, "--weights", weights).exit_code == 2
    assert {path: path.read_bytes() for path in left_behind(correction)} == before


def test_an_unexpected_failure_says_how_to_get_its_traceback(
    series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("napari_lbn.engine.io.open_tilt_series", broken)
    result = run("info", series)
    assert result.exit_code == 1
    assert "ZeroDivisionError: a bug" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("info", series, "--debug").stderr


INTERRUPTED = """
import os, signal, time
from napari_lbn.cli import main
from napari_lbn.engine.io.resumable_volume import ResumableVolume

write = ResumableVolume.write_slab
def write_and_interrupt(self, *arguments):
    write(self, *arguments)
    os.kill(os.getpid(), {number})
    time.sleep(60)  # until the signal arrives, perhaps by way of another thread
ResumableVolume.write_slab = write_and_interrupt
# a job in a shell's background, as these tests may be, inherits that Ctrl-C is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminated"]
)
def test_signals_end_cleanly(number: int, code: int, series: Path, tmp_path: Path) -> None:
    target = tmp_path / "rec.mrc"
    script = INTERRUPTED.format(number=int(number))
    arguments = ["reconstruct", str(series), "--out", str(target), "--thickness", "8"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "Nothing unfinished" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_behind(tmp_path) == [series.parent, *left_behind(series.parent)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_error_that_a_signal_was_turned_into_is_no_fault(
    number: int, code: int, series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_loaded(*_: object, **__: object) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        except BaseException:
            raise AttributeError("module has no attribute") from None

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr("napari_lbn.engine.io.open_tilt_series", half_loaded)
    result = run("info", series)
    signal.signal(signal.SIGINT, before)
    assert result.exit_code == code
    assert "Nothing unfinished" in result.stderr
    assert "fault" not in result.stderr


INTERRUPTED_EARLY = """
import sys
from importlib.abc import MetaPathFinder
class Interrupt(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "napari_lbn.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from napari_lbn.cli import main
main()
"""


def test_ctrl_c_while_the_program_is_loaded_ends_without_a_traceback() -> None:
    command = [sys.executable, "-c", INTERRUPTED_EARLY, "info"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


# --- small parts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pixel-size", "0"], "above 0 Å, not 0"),
        (["--pixel-size", "-3"], "above 0 Å, not -3"),
        (["--pixel-size", "nan"], "above 0 Å, not nan"),
        (["--out", "volume.txt"], "volume.txt does not end in .ome.zarr"),
    ],
)
def test_a_tomogram_is_not_exported_with_nonsense(
    tmp_path: Path, options: list[str], said: str
) -> None:
    tomogram = write_series(tmp_path)
    before = left_behind(tmp_path)
    result = run("export", tomogram, *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert left_behind(tmp_path) == before


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 5)), min_size=1, max_size=8))
def test_section_lists_mean_what_imod_means(ranges: list[tuple[int, int]]) -> None:
    text = ",".join(f"{a}-{a + n}" if n else f"{a}" for a, n in ranges)
    assert parse_sections(text, "--exclude") == [a + i for a, n in ranges for i in range(n + 1)]


def test_sections_are_of_the_file_not_of_the_sorted_angles() -> None:
    images = np.zeros((4, 3, 3), np.float32)
    shuffled = TiltSeries.from_array(images, [10.0, -20.0, 0.0, 30.0])
    excluded = exclude_sections(shuffled, [2])  # the second image, at -20 degrees
    np.testing.assert_array_equal(excluded.included_angles, [0, 10, 30])


def test_sections_that_the_alignment_leaves_out_can_be_taken_back() -> None:
    images = np.zeros((4, 3, 3), np.float32)
    series = TiltSeries.from_array(images, [-20.0, 0.0, 10.0, 30.0]).with_excluded([0, 3])
    np.testing.assert_array_equal(include_sections(series, [4]).included_angles, [0, 10, 30])
    with pytest.raises(InputError, match="no section 5"):
        include_sections(series, [5])


@pytest.mark.parametrize(
    ("text", "code"), [("-40:10", 0), ("-40:nan", 2), ("-40:0", 2), ("-40:ten", 2), ("40", 2)]
)
def test_even_angles_are_typed_as_first_and_step(series: Path, text: str, code: int) -> None:
    result = run("info", series, "--json", f"--tilt-angles={text}")
    assert result.exit_code == code
    if code == 0:
        facts = json.loads(result.stdout)
        assert (facts["angles"][0], facts["increment"]) == (-40, 10)
        assert facts["history"]["angles_given"] == text


@given(st.lists(st.floats(-90, 90).map(lambda a: round(a, 2)), min_size=1, max_size=20))
def test_typed_angles_are_read_back(angles: list[float]) -> None:
    assert parse_angles(",".join(map(str, angles))) == angles


def test_angles_beyond_the_half_circle_are_refused() -> None:
    with pytest.raises(InputError, match="between -90 and 90"):
        parse_angles("0,100")


def test_the_sample_needs_no_file() -> None:
    facts = json.loads(ok("info", "--sample", "--json").stdout)
    assert facts["pixel_size"] > 0
    assert facts["missing_wedge_width"] > 0
    assert not [f for f in facts["findings"] if f["severity"] == "error"]


def test_what_the_sample_knows_cannot_be_changed() -> None:
    result = run("info", "--sample", "--pixel-size", 3)
    assert result.exit_code == 2
    assert "sample" in result.stderr


def test_every_option_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {o for c in commands.values() for p in c.params for o in p.opts if o[:2] == "--"}
    assert {option for option in options if f"`{option}" not in page} == {"--help"} & options

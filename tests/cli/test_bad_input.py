"""Bad files and options: a message, exit code 2, nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from .conftest import COMMANDS, SHAPE, left_behind, ok, run, write_series


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


@pytest.mark.parametrize("text", ["1,x", "91", "nan", "", ",", "nowhere.tlt", "-60:60:3"])
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


def test_synthesize_refuses_what_chooses_angles_beside_angles(series: Path, tmp_path: Path) -> None:
    options = ["--angles", "70", "--increment", 2, "--fill-gaps", "--mirrored"]
    result = run("synthesize", series, "--out", tmp_path / "tilts.mrc", *options)
    assert result.exit_code == 2
    assert "--increment, --fill-gaps do nothing beside --angles" in " ".join(result.stderr.split())


def test_a_record_that_would_be_a_folder_is_told_before_the_work(series: Path) -> None:
    series.with_name("a.json").mkdir()
    result = run("reconstruct", series, "--out", series.with_name("a.mrc"), "--thickness", 8)
    assert result.exit_code == 2
    assert "a.json is a folder" in result.stderr.replace("\n", " ")
    assert not series.with_name("a.mrc").exists()


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

    monkeypatch.setattr("napari_lbn.cli.correction.synthesize._run", never)
    target = tmp_path / "absent" / "tilts.mrc"
    result = run("synthesize", series, "--out", target, "--weights", weights)
    assert result.exit_code == 2
    assert f"the folder {target.parent} does not exist" in " ".join(result.stderr.split())

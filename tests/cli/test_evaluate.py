"""`napari-lbn evaluate` as a user meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app
from napari_lbn.cli.evaluation.command import parse_edges
from napari_lbn.engine.errors import InputError

ANGLES = np.arange(-48.0, 49, 8)
SHAPE = (24, 40)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


def ok(*arguments: object) -> Any:
    result = run(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def write_stack(path: Path, images: np.ndarray) -> Path:
    with mrcfile.new(path) as mrc:
        mrc.set_data(images.astype(np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = 10.0
    path.with_suffix(".tlt").write_text("".join(f"{angle:7.2f}\n" for angle in ANGLES))
    return path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    blobs = np.array([np.cos(x / 5 * np.cos(np.deg2rad(a))) + np.sin(y / 3) for a in ANGLES])
    noise = np.random.default_rng(1).normal(0, 0.3, blobs.shape)
    for name, seed in (("TS_ODD", 2), ("TS_EVN", 3)):
        half = np.random.default_rng(seed).normal(0, 0.4, blobs.shape)
        write_stack(tmp_path / f"{name}.mrc", 100 + 10 * (blobs + half))
    return write_stack(tmp_path / "TS.mrc", 100 + 10 * (blobs + noise))


def common(series: Path, weights: Path) -> list[object]:
    return [series, "--weights", weights, "--thickness", 16, "--device", "cpu"]


def options(series: Path, weights: Path) -> list[object]:
    return [*common(series, weights), "--folds", 3]


def test_a_report_is_written(series: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = ok(
        *options(series, weights), "--edges", "8", "--subsets", 2, "--no-figures", "--out", out
    )
    data = json.loads((out / "TS_evaluation.json").read_text())
    assert set(data["verdicts"]) == {"k-fold", "edge 8"}
    assert len(data["null_tests"]) == 2
    assert data["alteration"]["changed_outside"] >= 0
    assert "measured from odd and even" in data["noise_ceiling"][0]["source"]
    assert "TS_ODD.mrc" in result.output
    assert (out / "TS_evaluation.html").stat().st_size > 1000
    with mrcfile.open(out / "TS_disagreement.mrc") as mrc:
        assert mrc.data.shape == (16, *SHAPE)
        assert mrc.data.min() >= 0
    for sentence in data["findings"]:
        assert sentence in result.output


def test_folds_go_out_and_tomograms_come_back(series: Path, weights: Path, tmp_path: Path) -> None:
    folds, out = tmp_path / "folds", tmp_path / "report"
    ok(*options(series, weights), "--edges", "", "--export-folds", folds)
    assert not out.exists()
    for place in folds.glob("fold_*"):
        shutil.copy(place / "wbp.mrc", place / "isonet.mrc")
    seen = tmp_path / "seen.mrc"
    twin = tmp_path / "twin.mrc"
    for copy in (seen, twin):
        shutil.copy(next(folds.glob("fold_*")) / "wbp.mrc", copy)
    ok(
        *common(series, weights),
        "--quick",
        "--no-figures",
        "--import-folds",
        folds,
        "--tomogram",
        seen,
        "--fsc",
        seen,
        twin,
        "--out",
        out,
    )
    data = json.loads((out / "TS_evaluation.json").read_text())
    rows = {row["method"]: row for row in data["tables"]["k-fold"]["full"]}
    wbp = rows["WBP re-projection"]["correlation"]
    assert rows["isonet"]["correlation"] == pytest.approx(wbp, abs=0.01)
    assert rows["seen"]["in_sample"]
    assert not rows["isonet"]["in_sample"]
    assert data["verdicts"]["k-fold"]["baseline"] != "seen"
    assert {p["method"] for p in data["placements"]} == {"isonet", "seen"}
    assert not {"folds", "edges"} & set(data["provenance"]["evaluation"])  # those of the export
    known = [value for value in data["fsc"]["global"]["correlation"] if value is not None]
    assert min(known) == pytest.approx(1, abs=1e-4)


def write_volume(path: Path, *, size: float = 10.0, odd: float | None = None) -> Path:
    volume = np.random.default_rng(4).normal(size=(16, *SHAPE)).astype(np.float32)
    if odd is not None:
        volume[3, 4, 5] = odd
    path.parent.mkdir(exist_ok=True)
    with mrcfile.new(path) as mrc:
        mrc.set_data(volume)
        mrc.set_volume()
        mrc.voxel_size = size
    return path


@pytest.mark.filterwarnings("ignore:Data array contains")
def test_tomograms_that_cannot_be_compared_are_named_before_the_work(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    good, twin = (write_volume(tmp_path / folder / "a.mrc") for folder in ("one", "two"))
    bad = write_volume(tmp_path / "bad.mrc", odd=np.nan)
    coarse = write_volume(tmp_path / "coarse.mrc", size=20.0)
    ours = write_volume(tmp_path / "lbn.mrc")
    flat = tmp_path / "flat.mrc"
    mrcfile.write(flat, np.ones((16, *SHAPE), np.float32))
    for more, said in (
        (["--tomogram", good, "--tomogram", twin], "are both called 'a'"),
        (["--tomogram", ours], "what a method of this program is called"),
        (["--tomogram", bad], "bad.mrc holds voxels that are no numbers"),
        (["--tomogram", flat], "flat.mrc holds the same value everywhere"),
        (["--tomogram", series], "TS.mrc is the tilt series"),
        (["--fsc", good, good], "is given twice"),
        (["--odd", good, "--even", good], "was given as both halves"),
        (["--odd", good, "--even", series], "is the series itself"),
        (["--fsc", good, bad], "bad.mrc holds voxels that are no numbers"),
        (["--fsc", good, coarse], "coarse.mrc of 20"),
    ):
        result = run(*options(series, weights), *more, "--out", tmp_path / "report")
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())
        assert not (tmp_path / "report").exists()


def test_two_kinds_of_correlations_in_one_report(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    one, other = (write_volume(tmp_path / folder / "one.mrc") for folder in ("a", "b"))
    other.with_suffix(".tlt").write_text("0\n")
    more = ["--fsc", one, other, "--half-sets", "--quick", "--edges", "", "--out", out]
    result = ok(*options(series, weights), *more)
    assert result.output.count("lies beside") == 1  # one.tlt: is it a tomogram at all?
    data = json.loads((out / "TS_evaluation.json").read_text())
    assert data["fsc"]["global"]["correlation"][3] == pytest.approx(1)
    assert data["half_sets"]["global"]["correlation"][3] < 0.99
    page = (out / "TS_evaluation.html").read_text()
    assert f"Fourier shell correlation of {one} and {other}" in page
    assert "two halves of the tilts" in page


def test_a_failure_leaves_nothing_behind(series: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = run(
        *common(series, weights),
        "--quick",
        "--no-figures",
        "--import-folds",
        tmp_path / "none",
        "--out",
        out,
    )
    assert result.exit_code == 2
    assert "folds.json" in result.output
    assert not out.exists()


@pytest.mark.parametrize("text", ["a", "0", "-3", "6,x"])
def test_edges_must_be_degrees(text: str) -> None:
    with pytest.raises(InputError, match="--edges"):
        parse_edges(text)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--tomogram", "{folder}/none.mrc"], "none.mrc does not exist"),
        (["--tomogram", "{folder}/small.mrc"], "fits tilts of"),
        (["--fsc", "{folder}/small.mrc", "{folder}/TS.mrc"], "cannot be compared"),
        (["--out", "{folder}/small.mrc/report"], "a part of its path is a file"),
        (["--subsets", "1"], "one subset"),
    ],
)
def test_what_cannot_be_used_is_said_before_the_work(
    series: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    said: str,
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("napari_lbn.cli.evaluation.run.evaluate", never)
    folder = series.parent
    with mrcfile.new(folder / "small.mrc") as mrc:
        mrc.set_data(np.zeros((30, 200, 7), np.float32))
    words = [word.format(folder=folder) for word in given]
    out = [] if "--out" in words else ["--out", tmp_path / "report"]
    result = run(*options(series, weights), *out, "--quick", "--no-figures", *words)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--quick", "--subsets", "4"], "--subsets does nothing beside --quick"),
        (["--leave-one-out"], "--folds does nothing beside --leave-one-out"),
        (["--import-folds", "folds", "--edges", ""], "--folds, --edges do nothing beside --import"),
        (
            ["--export-folds", "folds", "--sirt", "--no-figures", "--adapt"],
            "--sirt, --no-figures, --adapt, --out do nothing beside --export-folds",
        ),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    series: Path, weights: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    out = tmp_path / "report"
    result = run(*options(series, weights), *given, "--out", out)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not out.exists()
    assert not Path("folds").exists()


def test_edges_are_parsed() -> None:
    assert parse_edges("6,12 18") == (6, 12, 18)
    assert parse_edges("") == ()


def test_one_half_alone_is_refused(series: Path, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "TS_EVN.mrc").unlink()
    odd = tmp_path / "TS_ODD.mrc"
    result = run(*options(series, weights), "--quick", "--odd", odd, "--out", tmp_path / "report")
    assert result.exit_code == 2
    assert "needs both stacks" in result.output

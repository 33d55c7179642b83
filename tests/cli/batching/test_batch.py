"""`napari-lbn batch`: many series, of which one is bad, stopped and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from napari_lbn.cli.batching.local import Update, _lost
from napari_lbn.cli.batching.names import series_names, series_of
from napari_lbn.cli.batching.table import follow
from napari_lbn.cli.batching.task import BatchTask, finished_record
from napari_lbn.cli.batching.work import run_task
from napari_lbn.cli.options import ComputingOptions, WedgeOptions
from napari_lbn.engine.errors import InputError

from .conftest import ANGLES, ENDINGS, options, results, run, summary, write_series


def test_one_bad_series_does_not_stop_the_rest_and_nothing_is_repeated(
    inputs: list[Path], weights: Path, tmp_path: Path
):
    out = tmp_path / "out"
    first = run("batch", *inputs, *options(weights, out))
    assert first.exit_code == 2
    found = summary(out)
    assert {name: record["status"] for name, record in found.items()} == {
        "TS0": "done",
        "TS1": "failed",
        "TS2": "done",
    }
    assert "2 tilt angles" in found["TS1"]["message"]
    assert found["TS0"]["synthesized"] > 0
    assert "LBN" in found["TS0"]["hidden_correlation"]
    assert len(found["TS0"]["hidden_correlation"]) > 2  # the baselines too
    assert "failed" in (out / "TS1" / "TS1.log").read_text()
    table = (out / "batch_summary.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in table] == ["name", "TS0", "TS1", "TS2"]

    # every result is that of a single run
    single = tmp_path / "single"
    done = run("correct", inputs[0], *options(weights, single))
    assert done.exit_code == 0, done.output
    assert results(out / "TS0", "TS0") == results(single, "TS0")

    # again, with the bad one put right: only that one is done
    times = {path: path.stat().st_mtime_ns for path in (out / "TS0").iterdir()}
    inputs[1].with_suffix(".tlt").write_text("".join(f"{angle}\n" for angle in ANGLES))
    second = run("batch", *inputs, *options(weights, out))
    assert second.exit_code == 0, second.output
    assert "2 of 3 series are done already" in second.stderr
    assert {path: path.stat().st_mtime_ns for path in (out / "TS0").iterdir()} == times
    assert {record["status"] for record in summary(out).values()} == {"done"}


def task(series: Path, folder: Path, weights: Path, **changes: Any) -> BatchTask:
    computing = ComputingOptions(thickness=8, weights=str(weights), device="cpu")
    values = {"computing": computing, "wedge": WedgeOptions(), "check": False, **changes}
    return BatchTask(series=series, name=series.stem, folder=folder, **values)


def test_a_task_is_done_again_when_anything_of_it_changes(tmp_path: Path, weights: Path):
    series = write_series(tmp_path / "in", "TS", 0)
    one = task(series, tmp_path / "out", weights)
    leftover = tmp_path / "out" / ".TS_wbp.mrc.abcd.part"
    leftover.parent.mkdir()
    leftover.write_text("half")
    assert finished_record(one) is None
    record = run_task(one)
    assert record["status"] == "done"
    assert not leftover.exists()
    assert finished_record(one) == record
    assert finished_record(task(series, tmp_path / "out", weights, alpha=0.5)) is None
    assert finished_record(task(series, tmp_path / "out", weights, weights_hash="other")) is None
    (tmp_path / "out" / "TS_wbp.mrc").rename(tmp_path / "moved")
    assert finished_record(one) is None
    (tmp_path / "moved").rename(tmp_path / "out" / "TS_wbp.mrc")
    assert finished_record(one) is not None
    series.with_suffix(".tlt").write_text("".join(f"{angle + 1}\n" for angle in ANGLES))
    assert finished_record(one) is None
    one.marker.write_text('{"status": "do')
    assert finished_record(one) is None


def test_unexpected_failures_are_records_too(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
):
    from napari_lbn.cli.batching import work

    def fail(*_: object) -> None:
        raise ZeroDivisionError("sudden")

    monkeypatch.setattr(work, "_correct", fail)
    one = task(write_series(tmp_path / "in", "TS", 0), tmp_path / "out", weights)
    record = run_task(one)
    assert record["status"] == "failed"
    assert "sudden" in record["message"]
    assert "Traceback" in one.log.read_text()
    assert not one.marker.exists()


def test_a_process_that_vanishes_is_told(tmp_path: Path, weights: Path):
    record = _lost(task(tmp_path / "TS.mrc", tmp_path, weights), -signal.SIGKILL)
    assert record["status"] == "failed"
    assert "memory" in record["message"]


def wait_for(condition: Any, process: subprocess.Popen[bytes]) -> None:
    while not condition():
        if process.poll() is not None:
            pytest.fail(f"the batch ended early: {process.communicate()}")
        time.sleep(0.05)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_killed_and_started_again_it_finishes_what_is_missing(tmp_path: Path, weights: Path):
    paths = [write_series(tmp_path / "in", f"TS{i}", i) for i in range(3)]
    out = tmp_path / "out"
    arguments = ["batch", *paths, *options(weights, out), "--no-check"]
    command = [sys.executable, "-m", "napari_lbn", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        wait_for((out / "TS0" / "TS0_batch.json").exists, process)
    finally:
        process.kill()
        process.communicate()
    assert not (out / "TS2" / "TS2_batch.json").exists()
    before = (out / "TS0" / "TS0_wbp.mrc").stat().st_mtime_ns
    again = run(*arguments)
    assert again.exit_code == 0, again.output
    assert (out / "TS0" / "TS0_wbp.mrc").stat().st_mtime_ns == before
    for name in ("TS0", "TS1", "TS2"):
        assert sorted(path.name for path in (out / name).glob(f"{name}_[lw]*")) == [
            f"{name}{ending}" for ending in ENDINGS
        ]
        assert not list((out / name).glob(".*"))


def test_the_terminal_shows_what_runs_and_the_summary_keeps_up(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    one, two = (task(tmp_path / f"TS{i}.mrc", tmp_path, weights) for i in range(2))
    seen: list[int] = []

    def news() -> Iterator[Update]:
        yield Update(task=one, stage="Queued")
        yield Update(task=two, stage="Synthesizing tilts", fraction=0.5)
        yield Update(task=one, record={"name": "TS0", "status": "failed", "message": "no angles"})
        seen.append(len(summary(tmp_path)))
        yield Update(task=two, record={"name": "TS1", "status": "done", "seconds": 4.0})

    records = follow(news(), 2, tmp_path, [{"name": "TS9", "status": "done"}])
    assert [record["name"] for record in records] == ["TS0", "TS1"]
    assert seen == [2]  # the one of an earlier run is in it too
    assert set(summary(tmp_path)) == {"TS0", "TS1", "TS9"}
    shown = capsys.readouterr().err
    assert "[1/2] TS0: failed. no angles" in shown
    assert "[2/2] TS1: done in 4 s" in shown
    assert "1 done, 1 failed, 0 to go" in shown


def test_names_are_told_apart_by_their_folders(tmp_path: Path):
    paths = [tmp_path / "a" / "TS.mrc", tmp_path / "b" / "TS.mrc", tmp_path / "b" / "U.mrc"]
    assert series_names(paths) == ["a_TS", "b_TS", "U"]
    with pytest.raises(InputError, match="twice"):
        series_names([paths[0], paths[0]])


def test_spaces_in_names_make_no_two_series_one(tmp_path: Path):
    paths = [tmp_path / "a b" / "T S.mrc", tmp_path / "c" / "T_S.mrc"]
    assert series_names(paths) == ["a_b_T_S", "c_T_S"]
    with pytest.raises(InputError, match="same name"):
        series_names([tmp_path / "T S.mrc", tmp_path / "T_S.mrc"])


def test_a_table_of_tomograms_stands_for_its_series(tmp_path: Path):
    listed = [f"tilt_series/TS_0{i}.star" for i in range(3)]
    (tmp_path / "tilt_series").mkdir()
    for name in listed:
        (tmp_path / name).write_text("data_\n")
    table = tmp_path / "tomograms.star"
    rows = "".join(f"TS_{i} {name}\n" for i, name in enumerate(listed))
    head = "data_global\n\nloop_\n_rlnTomoName #1\n_rlnTomoTiltSeriesStarFile #2\n"
    table.write_text(head + rows)
    other = tmp_path / "other.mrc"
    found = series_of([table, other])
    assert found == [*(tmp_path.resolve() / name for name in listed), other]
    assert series_names(found) == ["TS_00", "TS_01", "TS_02", "other"]
    (tmp_path / listed[1]).unlink()
    with pytest.raises(InputError, match="is not there"):
        series_of([table])


def test_changed_images_of_an_alignment_are_noticed(tmp_path: Path, weights: Path):
    series = write_series(tmp_path / "in", "raw", 0)
    (tmp_path / "in" / "newst.com").write_text("InputFile raw.mrc\nTransformFile TS.xf\n")
    (tmp_path / "in" / "TS.xf").write_text("1 0 0 1 0 0\n" * 9)
    (tmp_path / "in" / "TS.tlt").write_text("".join(f"{angle}\n" for angle in ANGLES))
    one = task(tmp_path / "in" / "TS.xf", tmp_path / "out", weights)
    before = one.key
    assert one.key == before
    os.utime(series, (1, 1))
    assert one.key != before


def test_missing_weights_are_told_before_anything_begins(tmp_path: Path):
    series = write_series(tmp_path / "in", "TS", 0)
    result = run("batch", series, "--out", tmp_path / "out", "--weights", "nothing.safetensors")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["TS_1", "TS[1]"])
def test_files_of_other_series_are_none_of_a_tasks_business(
    tmp_path: Path, weights: Path, name: str
):
    series = write_series(tmp_path / "in", name, 0)
    one = task(series, tmp_path / "out", weights)
    before = one.key
    write_series(tmp_path / "in", "TS_10", 1)
    write_series(tmp_path / "in", "TS_1_b", 2)
    assert one.key == before
    series.with_suffix(".tlt").write_text("".join(f"{angle + 1}\n" for angle in ANGLES))
    assert one.key != before


def test_a_link_to_a_series_gives_the_results_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "frames.mrc").touch()
    link = tmp_path / "TS_07.mrc"
    link.symlink_to("frames.mrc")
    assert series_names([link]) == ["TS_07"]
    with pytest.raises(InputError, match="named twice"):
        series_names([link, tmp_path / "frames.mrc"])


def test_the_results_of_another_series_of_that_name_are_not_replaced(
    tmp_path: Path, weights: Path
) -> None:
    mine, other = (write_series(tmp_path / place, "TS", i) for i, place in enumerate("ab"))
    out = tmp_path / "out"
    assert run_task(task(mine, out / "TS", weights))["status"] == "done"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    refused = run("batch", other, *options(weights, out))
    assert refused.exit_code == 2
    assert f"another series, {mine}" in "".join(refused.stderr.splitlines())
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before

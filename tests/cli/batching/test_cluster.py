"""Batches on Dask: an existing scheduler, a cluster of this machine, and SLURM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from napari_lbn.cli.batching.placement import Placement
from napari_lbn.cli.batching.task import BatchTask
from napari_lbn.cli.options import ComputingOptions, WedgeOptions
from napari_lbn.engine.errors import InputError

from .conftest import ENDINGS, options, results, run, summary, write_series

distributed = pytest.importorskip("distributed")

SBATCH = """#!/bin/sh
# what SLURM does with a job script, on this machine and at once
for script; do :; done
cp "$script" "{folder}/job.sh"
setsid sh "$script" > "{folder}/job.log" 2>&1 &
echo $! >> "{folder}/jobs"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job; do kill -- -"$job" 2>/dev/null; echo "$job" >> "{folder}/cancelled"; done
exit 0
"""
JOBQUEUE = """jobqueue:
  slurm:
    cores: 1
    processes: 1
    memory: 2GB
    walltime: "00:30:00"
    queue: gpu
    job-extra-directives: ["--gres=gpu:1"]
    local-directory: {folder}
    log-directory: {folder}
    death-timeout: 120
"""


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a cluster that was there before the batch, with two workers."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
    ) as cluster:
        yield cluster.scheduler_address


def test_an_existing_scheduler_does_the_same(
    scheduler: str, inputs: list[Path], weights: Path, tmp_path: Path
):
    out, single = tmp_path / "out", tmp_path / "single"
    arguments = ["batch", *inputs, *options(weights, out), "--no-check", "--dask", scheduler]
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    found = summary(out)
    assert [found[name]["status"] for name in ("TS0", "TS1", "TS2")] == ["done", "failed", "done"]
    assert "2 tilt angles" in found["TS1"]["message"]
    assert "done" in (out / "TS0" / "TS0.log").read_text()
    assert run("correct", inputs[0], *options(weights, single)).exit_code == 0
    assert results(out / "TS0", "TS0") == results(single, "TS0")
    assert "2 of 3 series are done already" in run(*arguments).stderr


def tasks(folder: Path, count: int) -> list[BatchTask]:
    task = BatchTask(
        series=folder, name="", folder=folder, computing=ComputingOptions(), wedge=WedgeOptions()
    )
    return [replace(task, series=folder / f"TS{i}.mrc", name=f"TS{i}") for i in range(count)]


def test_workers_of_this_machine_have_a_device_each_and_report(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from napari_lbn.cli.batching import cluster

    def note_device(task: BatchTask, report: Any) -> dict[str, Any]:
        report("Synthesizing", 0.5)
        time.sleep(0.1)
        worker = distributed.get_worker().name
        return {"name": task.name, "device": task.computing.device, "worker": worker}

    monkeypatch.setattr(cluster, "run_task", note_device)
    where = Placement(jobs=2, devices=("cuda:0", "cuda:1"))
    updates = list(cluster.run_on_cluster(tasks(tmp_path, 8), scheduler, where))
    records = [update.record for update in updates if update.record is not None]
    assert {record["name"] for record in records} == {f"TS{i}" for i in range(8)}
    assert {(r["worker"], r["device"]) for r in records} == {(0, "cuda:0"), (1, "cuda:1")}
    assert "Synthesizing" in {update.stage for update in updates}


def test_a_worker_that_breaks_is_told(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from napari_lbn.cli.batching import cluster

    def breaks(task: BatchTask, report: Any) -> dict[str, Any]:
        if task.name == "TS1":
            raise MemoryError("no more")
        return {"name": task.name, "status": "done"}

    monkeypatch.setattr(cluster, "run_task", breaks)
    updates = list(cluster.run_on_cluster(tasks(tmp_path, 3), scheduler, Placement(jobs=1)))
    found = {u.record["name"]: u.record["status"] for u in updates if u.record is not None}
    assert found == {"TS0": "done", "TS1": "failed", "TS2": "done"}


@pytest.mark.parametrize("where", ["nowhere", "tcp://127.0.0.1:1", "http://x"])
def test_a_scheduler_that_is_not_there_is_told(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from napari_lbn.cli.batching import cluster

    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(InputError, match="no scheduler answers"):
        list(cluster.run_on_cluster(tasks(tmp_path, 1), where, Placement(jobs=1)))


def test_slurm_where_there_is_none_is_told(
    inputs: list[Path], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("batch", inputs[0], *options(weights, tmp_path / "out"), "--dask", "slurm")
    assert done.exit_code == 2
    assert "no sbatch" in done.stderr


def batch(*arguments: object, **more: Any) -> list[str]:
    return [sys.executable, "-m", "napari_lbn", "batch", *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SLURM's jobs are shell scripts")
def test_slurm_runs_the_batch_as_jobs(inputs: list[Path], weights: Path, tmp_path: Path):
    pytest.importorskip("dask_jobqueue")
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (folder / name).write_text(text.format(folder=folder))
        (folder / name).chmod(0o755)
    (folder / "jobqueue.yaml").write_text(JOBQUEUE.format(folder=folder))
    environment = {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "DASK_CONFIG": str(folder),
    }
    out = tmp_path / "out"
    command = batch(*inputs, *options(weights, out), "--no-check", "--dask", "slurm", "--jobs", 2)
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    found = {name: record["status"] for name, record in summary(out).items()}
    assert found == {"TS0": "done", "TS1": "failed", "TS2": "done"}
    script = (folder / "job.sh").read_text()
    assert "#SBATCH -p gpu" in script
    assert "#SBATCH --gres=gpu:1" in script
    assert len((folder / "jobs").read_text().split()) == 2
    # no job outlives the batch
    assert set((folder / "cancelled").read_text().split()) == set(
        (folder / "jobs").read_text().split()
    )


@pytest.mark.slow
def test_a_local_dask_cluster_gives_the_same(inputs: list[Path], weights: Path, tmp_path: Path):
    outs = [tmp_path / "processes", tmp_path / "dask"]
    for out, more in zip(outs, ([], ["--dask", "local", "--jobs", "2"]), strict=True):
        command = batch(*inputs, *options(weights, out), "--no-check", *more)
        done = subprocess.run(command, check=False, capture_output=True)
        assert done.returncode == 2, done.stderr
        assert {record["status"] for record in summary(out).values()} == {"done", "failed"}
    for name in ("TS0", "TS2"):
        assert results(outs[0] / name, name) == results(outs[1] / name, name)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_a_killed_dask_batch_leaves_no_worker_and_is_finished_later(weights: Path, tmp_path: Path):
    import psutil

    paths = [write_series(tmp_path / "in", f"TS{i}", i) for i in range(4)]
    out = tmp_path / "out"
    command = batch(*paths, *options(weights, out), "--no-check", "--dask", "local", "--jobs", 2)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not list(out.glob("*/*_batch.json")):
            assert process.poll() is None
            time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*_batch.json")}
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} of 4 series are done already" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for path in paths:
        files = sorted(file.name for file in (out / path.stem).glob(f"{path.stem}_[lw]*"))
        assert files == [f"{path.stem}{ending}" for ending in ENDINGS]
        assert not list((out / path.stem).glob(".*"))

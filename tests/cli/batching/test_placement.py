"""Several GPUs share the series of a batch; none of them is needed to see how."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.cli.batching import local, placement
from napari_lbn.cli.batching.local import run_locally
from napari_lbn.cli.batching.placement import Placement, place
from napari_lbn.cli.batching.task import BatchTask
from napari_lbn.cli.options import ComputingOptions, WedgeOptions


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_gpus", lambda: ("cuda:0", "cuda:1", "cuda:2"))


def tasks(folder: Path, count: int) -> list[BatchTask]:
    return [
        BatchTask(
            series=folder / f"TS{i}.mrc",
            name=f"TS{i}",
            folder=folder,
            computing=ComputingOptions(),
            wedge=WedgeOptions(),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("dask", [None, "local"])
def test_every_gpu_gets_a_series_unless_the_user_chose(three_gpus: None, dask: str | None):
    every = place(device="auto", memory=None, jobs=None, dask=dask)
    assert (every.jobs, every.devices) == (3, ("cuda:0", "cuda:1", "cuda:2"))
    assert every.memory is None  # each has a GPU to itself
    chosen = place(device="cuda:1", memory=None, jobs=None, dask=dask)
    assert (chosen.jobs, chosen.devices) == (1, ())
    assert place(device="cpu", memory=6.0, jobs=2, dask=dask).memory == 6.0


def test_tasks_on_one_processor_share_its_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(placement, "_gpus", lambda: ())
    alone = place(device="cpu", memory=None, jobs=1, dask=None)
    three = place(device="cpu", memory=None, jobs=3, dask=None)
    assert alone.memory is None
    assert three.memory is not None
    assert 0 < 3 * three.memory < 2000
    assert three.threads is not None


@pytest.mark.parametrize("dask", ["slurm", "tcp://node:8786"])
def test_the_machines_of_others_are_theirs_to_share_out(three_gpus: None, dask: str):
    found = place(device="auto", memory=None, jobs=None, dask=dask)
    assert found == Placement(jobs=1)
    assert place(device="auto", memory=None, jobs=20, dask=dask).jobs == 20


@given(jobs=st.integers(1, 20), gpus=st.integers(1, 8))
def test_slots_are_spread_evenly(jobs: int, gpus: int):
    found = Placement(jobs=jobs, devices=tuple(f"cuda:{i}" for i in range(gpus)))
    counts = Counter(found.device(slot) for slot in range(jobs))
    assert len(counts) == min(jobs, gpus)
    assert max(counts.values()) - min(counts.values()) <= 1


class _Busy:
    """Processes that would run on GPUs: which device each series got, and which were busy then."""

    def __init__(self) -> None:
        self.devices: list[str] = []
        self.clashes: list[str] = []
        self._busy: Counter[str] = Counter()

    def start(self, task: BatchTask, slot: int) -> Any:
        device = task.computing.device
        if self._busy[device]:
            self.clashes.append(device)
        self._busy[device] += 1
        self.devices.append(device)
        ours, theirs = multiprocessing.Pipe(duplex=False)

        def end() -> None:
            self._busy[device] -= 1
            theirs.send(("record", {"name": task.name, "status": "done", "device": device}))
            theirs.close()

        thread = threading.Timer(0.01, end)
        thread.start()
        thread.terminate = thread.cancel  # type: ignore[attr-defined]
        return local._Running(task=task, slot=slot, process=thread, connection=ours)


def test_a_gpu_runs_one_series_at_a_time_and_none_idles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, three_gpus: None
):
    busy = _Busy()
    monkeypatch.setattr(local, "_start", busy.start)
    where = place(device="auto", memory=None, jobs=None, dask=None)
    records = [u.record for u in run_locally(tasks(tmp_path, 12), where) if u.record is not None]
    assert {record["name"] for record in records} == {f"TS{i}" for i in range(12)}
    assert busy.clashes == []
    assert set(busy.devices[:3]) == {"cuda:0", "cuda:1", "cuda:2"}
    assert min(Counter(busy.devices).values()) > 1

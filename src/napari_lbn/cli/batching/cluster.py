"""Tasks on a Dask cluster: of this machine, an existing one, or one that SLURM gives."""

from __future__ import annotations

import queue
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from napari_lbn.engine.errors import InputError

from .local import Update
from .placement import LOCAL, Placement
from .task import FAILED, BatchTask
from .work import run_task

SLURM = "slurm"
PATIENCE = 30
"""Seconds in which a scheduler must answer."""
BETWEEN_NEWS = 0.5
"""Seconds between two stages that a worker reports."""
ONE_AT_A_TIME = threading.Lock()
"""A worker of several threads has one log and one number of threads of torch."""


def run_on_cluster(tasks: list[BatchTask], where: str, placement: Placement) -> Iterator[Update]:
    """Run tasks on a Dask cluster; folders must be the same on every machine.

    Parameters
    ----------
    tasks : list of BatchTask
        In this order, as workers are free.
    where : str
        "local", "slurm" (settings in Dask's jobqueue.yaml), or a scheduler's address.
    placement : Placement
        Workers of a local cluster and their devices, or jobs of SLURM.

    Raises
    ------
    InputError
        Dask is not installed, or no cluster can be reached.
    """
    with _client(where, placement.jobs) as client:
        news: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        topic = f"napari-lbn {uuid.uuid4()}"
        client.subscribe_topic(topic, lambda event: news.put(("stage", event[1])))
        running = {}
        for task in tasks:
            future = client.submit(_on_worker, task, placement, topic, pure=False)
            future.add_done_callback(lambda done: news.put(("done", done.key)))
            running[future.key] = (task, future)
            yield Update(task=task, stage="Queued")
        yield from _follow(news, running)


def _follow(
    news: queue.SimpleQueue[tuple[str, Any]], running: dict[str, tuple[BatchTask, Any]]
) -> Iterator[Update]:
    """What the workers report, until no task is left."""
    by_name = {task.name: task for task, _ in running.values()}
    while running:
        try:
            kind, content = news.get(timeout=1.0)  # so that Ctrl-C is heard
        except queue.Empty:
            continue
        if kind == "done" and content in running:
            task, future = running.pop(content)
            del by_name[task.name]
            yield Update(task=task, record=_record(task, future))
        elif kind == "stage" and content[0] in by_name:
            name, stage, fraction = content
            yield Update(task=by_name[name], stage=stage, fraction=fraction)


def _on_worker(task: BatchTask, placement: Placement, topic: str) -> dict[str, Any]:
    """Do a task in a worker, on the device of its place in a local cluster."""
    from distributed import get_worker

    worker = get_worker()
    last = 0.0

    def report(stage: str, fraction: float) -> None:
        nonlocal last
        if time.monotonic() - last > BETWEEN_NEWS:
            last = time.monotonic()
            worker.log_event(topic, (task.name, stage, fraction))

    with ONE_AT_A_TIME:
        # a local cluster numbers its workers; only for it there are devices to share out
        slot = int(worker.name) if str(worker.name).isdigit() else 0
        return run_task(task.on(placement.device(slot)), report)


def _record(task: BatchTask, future: Any) -> dict[str, Any]:
    try:
        result: dict[str, Any] = future.result(timeout=PATIENCE)
    except Exception as error:  # the worker's end, or whatever Dask makes of it
        return {
            "name": task.name,
            "series": str(task.series),
            "status": FAILED,
            "message": f"Its worker failed: {type(error).__name__}: {error}",
            "seconds": None,
        }
    return result


@contextmanager
def _client(where: str, jobs: int) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "--dask needs Dask, which is not installed.", "Install napari-lbn[dask]."
        ) from error
    with ExitStack() as exits:
        cluster = _cluster(where, jobs)
        target = where if cluster is None else exits.enter_context(cluster)
        try:
            client = exits.enter_context(Client(target, timeout=PATIENCE))
        except (OSError, ValueError) as error:
            raise InputError(
                f"--dask: no scheduler answers at {where}: {error}.",
                "Start one with `dask scheduler`, and give its address, tcp://host:8786.",
            ) from error
        yield client


def _cluster(where: str, jobs: int) -> AbstractContextManager[Any] | None:
    if where == LOCAL:
        from distributed import LocalCluster

        # memory is bounded by the tasks themselves; Dask would stop workers at its own guess
        cluster: AbstractContextManager[Any] = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
        )
        return cluster
    if where == SLURM:
        return _slurm(jobs)
    return None


def _slurm(jobs: int) -> AbstractContextManager[Any]:
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError as error:
        raise InputError(
            "--dask slurm needs dask-jobqueue, which is not installed.",
            "Install napari-lbn[dask].",
        ) from error
    if shutil.which("sbatch") is None:
        raise InputError(
            "--dask slurm: there is no sbatch on this machine.",
            "Start it where jobs are submitted.",
        )
    try:
        cluster: Any = SLURMCluster()
        cluster.scale(jobs=jobs)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"--dask slurm: {error}",
            "Describe a job (queue, cores, memory, walltime) in ~/.config/dask/jobqueue.yaml.",
        ) from error
    found: AbstractContextManager[Any] = cluster
    return found

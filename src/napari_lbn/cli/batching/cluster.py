"""Tasks on a Dask cluster: of this machine, an existing one, or one that SLURM gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from napari_lbn.engine.errors import InputError

from .local import Update
from .task import FAILED, BatchTask
from .work import run_task

LOCAL, SLURM = "local", "slurm"


def run_on_cluster(tasks: list[BatchTask], where: str, jobs: int) -> Iterator[Update]:
    """Run tasks on a Dask cluster; folders must be the same on every machine.

    Parameters
    ----------
    tasks : list of BatchTask
        In this order, as workers are free.
    where : str
        "local", "slurm" (settings in Dask's jobqueue.yaml), or a scheduler's address.
    jobs : int
        Workers of a local cluster, or jobs of SLURM.

    Raises
    ------
    InputError
        Dask is not installed, or no cluster can be reached.
    """
    with _client(where, jobs) as client:
        from distributed import as_completed

        futures = {client.submit(run_task, task, pure=False): task for task in tasks}
        for task in tasks:
            yield Update(task=task, stage="Queued")
        for future in as_completed(list(futures)):
            task = futures.pop(future)
            yield Update(task=task, record=_record(task, future))


def _record(task: BatchTask, future: Any) -> dict[str, Any]:
    error = future.exception()
    if error is None:
        result: dict[str, Any] = future.result()
        return result
    return {
        "name": task.name,
        "series": str(task.series),
        "status": FAILED,
        "message": f"Its worker failed: {type(error).__name__}: {error}",
        "seconds": None,
    }


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
            client = exits.enter_context(Client(target, timeout=30))
        except (OSError, ValueError) as error:
            raise InputError(
                f"--dask: no scheduler answers at {where}: {error}.",
                "Start one with `dask scheduler`, and give its address, tcp://host:8786.",
            ) from error
        yield client


def _cluster(where: str, jobs: int) -> AbstractContextManager[Any] | None:
    if where == LOCAL:
        from distributed import LocalCluster

        cluster: AbstractContextManager[Any] = LocalCluster(
            n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None
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

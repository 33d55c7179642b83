"""Tasks in processes of this machine: one process a series, so that none can end another."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from .placement import Placement
from .task import FAILED, BatchTask
from .work import run_task

PATIENCE = 15.0
"""Seconds in which a process that is told to end may remove its temporary files."""
OUT_OF_MEMORY_KILL = -9


@dataclass(frozen=True, kw_only=True)
class Update:
    """News of a task: a stage while it runs, or its record at the end."""

    task: BatchTask
    stage: str = ""
    fraction: float = 0.0
    record: dict[str, Any] | None = None


def run_locally(tasks: list[BatchTask], placement: Placement) -> Iterator[Update]:
    """Run tasks, as many at once as the placement says, spread over its devices.

    Closing the iterator, or an exception in its consumer, ends the processes.
    """
    waiting = list(reversed(tasks))
    running: dict[Connection, _Running] = {}
    free = list(range(placement.jobs))
    try:
        while waiting or running:
            while waiting and free:
                slot = free.pop(0)
                started = _start(waiting.pop().on(placement.device(slot)), slot)
                running[started.connection] = started
                yield Update(task=started.task, stage="Starting")
            for connection in wait(list(running), timeout=1.0):
                assert isinstance(connection, Connection)
                update = _receive(running[connection])
                if update.record is not None:
                    free.append(running.pop(connection).slot)
                yield update
    finally:
        _stop([one.process for one in running.values()])


@dataclass(frozen=True, kw_only=True)
class _Running:
    task: BatchTask
    slot: int
    process: Any
    connection: Connection


def _start(task: BatchTask, slot: int) -> _Running:
    # spawned, not forked: CUDA and OpenMP do not survive a fork
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Running(task=task, slot=slot, process=process, connection=ours)


def _receive(one: _Running) -> Update:
    """The next news of a process; that it has ended without a word is news too."""
    try:
        kind, content = one.connection.recv()
    except (EOFError, OSError):
        one.process.join(PATIENCE)
        return Update(task=one.task, record=_lost(one.task, one.process.exitcode))
    if kind == "record":
        one.process.join(PATIENCE)
        return Update(task=one.task, record=content)
    return Update(task=one.task, stage=content[0], fraction=content[1])


def _lost(task: BatchTask, code: int | None) -> dict[str, Any]:
    reason = "it was killed, probably for want of memory" if code == OUT_OF_MEMORY_KILL else ""
    message = f"Its process ended with code {code}. {reason}".strip()
    return {
        "name": task.name,
        "series": str(task.series),
        "status": FAILED,
        "message": message,
        "seconds": None,
    }


def _stop(processes: list[Any]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()


def _work(task: BatchTask, connection: Connection) -> None:
    """In the new process: do the task, and end when the batch is gone."""
    from ..command import Terminated, listen_to_terminate

    listen_to_terminate()
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def report(stage: str, fraction: float) -> None:
        connection.send(("stage", (stage, fraction)))

    try:
        connection.send(("record", run_task(task, report)))
    except (KeyboardInterrupt, Terminated, BrokenPipeError):
        return


def _end_with_parent() -> None:
    """A batch that was killed must not go on invisibly; its temporary files go next time."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

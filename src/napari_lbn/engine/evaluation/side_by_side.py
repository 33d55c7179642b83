"""Independent jobs side by side, each in a thread with its share of the processor's threads.

The folds of a hold-out know nothing of each other. Layers of one small series gain little from
a second thread, and what lies between them gains nothing; two folds on one thread each keep two
cores busy. torch leaves Python's lock while it computes, so threads do, and share the weights.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from ..errors import Cancelled
from ..events import Progress, raise_if_cancelled
from .sharing import part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..events import CancelToken, Event, Job

Result = TypeVar("Result")

WAITING = 8
"""Events that jobs may be ahead of whoever consumes them; some carry images."""
PATIENCE = 0.1
"""Seconds between two looks at whether to stop."""


def side_by_side(
    starts: Sequence[Callable[[CancelToken], Job[Result]]],
    workers: int,
    *,
    stage: str,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[list[Result]]:
    """Run jobs, some at a time, as one job.

    Parameters
    ----------
    starts : sequence of callable
        Each takes a token and makes a job, whose own progress goes from 0 to 1.
    workers : int
        Jobs at a time; they share torch's threads evenly.
    stage : str
        What they do together, in the user's words.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends all of them; so does closing this job, or a failure in one of them.

    Yields
    ------
    Event
        Of all jobs as they come, their progress as that of the whole.

    Returns
    -------
    list
        Of their results, in the order of `starts`.
    """
    threads = torch.get_num_threads()
    told: queue.Queue[tuple[int, Event | None]] = queue.Queue(WAITING)
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, "side by side", _use, (max(threads // workers, 1),))
    try:
        futures = [
            pool.submit(_run, start, partial(_tell, told, stop, number), stop)
            for number, start in enumerate(starts)
        ]
        reached, finished = [0.0] * len(starts), 0
        while finished < len(starts):
            raise_if_cancelled(cancel)
            try:
                number, event = told.get(timeout=PATIENCE)
            except queue.Empty:
                continue
            finally:
                torch.set_num_threads(threads)  # of new threads, a training's perhaps
            if event is None:
                futures[number].result()  # raises what the job raised
                reached[number], finished = 1.0, finished + 1
            elif isinstance(event, Progress):
                reached[number] = max(reached[number], min(event.fraction, 1.0))
            else:
                yield event
                continue
            fraction = part(fractions, sum(reached), len(starts))
            yield Progress(stage=stage, done=finished, total=len(starts), fraction=fraction)
        return [future.result() for future in futures]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _use(threads: int) -> None:
    """Let this thread compute on so many, whatever torch's number for new threads becomes."""
    torch.get_num_threads()  # once asked, a thread keeps its own number
    torch.set_num_threads(threads)


def _run(
    start: Callable[[CancelToken], Job[Result]],
    tell: Callable[[Event | None], None],
    stop: CancelToken,
) -> Result:
    """One job to its end; that it has ended is told last, however it did."""
    try:
        job = start(stop)
        try:
            while True:
                tell(next(job))
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            job.close()
    finally:
        if not stop.is_set():
            tell(None)


def _tell(
    told: queue.Queue[tuple[int, Event | None]],
    stop: CancelToken,
    number: int,
    event: Event | None,
) -> None:
    """Hand an event over, waiting for room, until nobody listens any more."""
    while not stop.is_set():
        try:
            told.put((number, event), timeout=PATIENCE)
        except queue.Full:
            continue
        return
    raise Cancelled

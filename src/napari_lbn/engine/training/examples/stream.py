"""Specimens drawn while the network trains: simulated series that are renewed in the background."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, overload

import numpy as np

from ...errors import InputError
from ...simulation.dataset import TRAINING_SEEDS
from ...simulation.series import SimulationSettings, image_view
from ...simulation.specimens.specimen import make_specimen
from .draw import TrainingSeries

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """How fresh series are drawn.

    Attributes
    ----------
    simulation : SimulationSettings
        Specimens and their imaging.
    keep : int
        Series in memory; a new one takes the oldest one's place.
    uses : int
        Examples drawn for each new series, once memory is full: less is fresher, and more
        work for the processors beside the training.
    workers : int
        Processes that draw specimens; 0 draws them in a thread of this process.
    first_seed : int
        Of the specimens, counted up; among `TRAINING_SEEDS`, so that what validates stays new.
    """

    simulation: SimulationSettings = field(default_factory=SimulationSettings)
    keep: int = 64
    uses: int = 8
    workers: int = 1
    first_seed: int = 0

    def __post_init__(self) -> None:
        if min(self.keep, self.uses) < 1 or self.workers < 0:
            raise InputError("A stream keeps a series at least and uses each of them once.")
        if self.first_seed not in TRAINING_SEEDS:
            raise InputError(f"Seed {self.first_seed} is none of those that train.")


class SpecimenStream(Sequence[TrainingSeries]):
    """The series there are now, renewed as they are drawn; close it at the end.

    Unlike a folder, a stream gives another series for the same index later on, so a training
    on it cannot be repeated to the last digit.

    Parameters
    ----------
    settings : StreamSettings
        What is drawn, and how fast.
    others : sequence of TrainingSeries
        Series that stay, ahead of the fresh ones.
    """

    def __init__(self, settings: StreamSettings, others: Sequence[TrainingSeries] = ()) -> None:
        self.settings = settings
        self._others = tuple(others)
        self._fresh: deque[TrainingSeries] = deque(maxlen=settings.keep)
        self._pending: set[Future[list[TrainingSeries]]] = set()
        self._seed = settings.first_seed
        self._credit = 0.0
        self._executor: Executor | None = spare_processes(settings.workers)

    def __len__(self) -> int:
        self._renew()
        return len(self._others) + len(self._fresh)

    @overload
    def __getitem__(self, index: int) -> TrainingSeries: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[TrainingSeries]: ...

    def __getitem__(self, index: int | slice) -> TrainingSeries | Sequence[TrainingSeries]:
        self._renew()
        self._credit += 1 / self.settings.uses
        return (*self._others, *self._fresh)[index]

    def __enter__(self) -> SpecimenStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Draw no more; what there is stays."""
        if self._executor is not None:
            workers = list((getattr(self._executor, "_processes", None) or {}).values())
            self._executor.shutdown(wait=False, cancel_futures=True)
            # They write nothing; the end of the program would wait for what they are drawing.
            for worker in workers:
                worker.terminate()
        self._executor = None
        self._pending.clear()

    def _renew(self) -> None:
        """Take what is ready and order more; waits only where there is nothing at all."""
        if self._executor is None:
            return
        self._order()
        if not self._others and not self._fresh:
            wait(self._pending, return_when=FIRST_COMPLETED)
        for future in [future for future in self._pending if future.done()]:
            self._pending.discard(future)
            series = future.result()
            if len(self._fresh) == self.settings.keep:
                self._credit = max(self._credit - len(series), 0.0)
            self._fresh.extend(series)
        self._order()

    def _order(self) -> None:
        full = len(self._fresh) == self.settings.keep
        while len(self._pending) < max(self.settings.workers, 1):
            if full and self._credit < 1:
                return
            assert self._executor is not None
            job = self._executor.submit(_draw, self.settings.simulation, self._seed)
            self._pending.add(job)
            self._seed = self._seed + 1 if self._seed + 1 in TRAINING_SEEDS else 0
            if full:
                return


def spare_processes(workers: int) -> Executor:
    """Processes of one thread each, which leave Ctrl-C to this one; a thread of it for 0."""
    if workers == 0:
        return ThreadPoolExecutor(max_workers=1)
    # A forked process would inherit locks of torch's threads and of the GPU.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    with _without_interrupts():
        for _ in range(workers):  # each starts a process, while none is idle
            executor.submit(int)
    return executor


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What starts here never gets Ctrl-C, not even before `_prepare`; this process gets it after.

    Processes inherit the mask of the thread that starts them. Windows has none.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whose start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare() -> None:
    """One thread for each worker: the other processors are the training's, and so is Ctrl-C."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _draw(settings: SimulationSettings, seed: int) -> list[TrainingSeries]:
    """Every field of view of one specimen, in half precision."""
    specimen = make_specimen(settings.specimen, seed)
    drawn = []
    for view in range(settings.specimen.views):
        series = image_view(specimen, settings, seed, view=view)
        centred = series.clean - series.clean.mean(axis=(1, 2), keepdims=True)
        drawn.append(
            TrainingSeries(
                tilts=centred.astype(np.float16),
                angles=series.angles,
                noise_profile=series.profile,
                least_depth=series.metadata["depth"],
                name=f"simulated {seed}.{view}",
            )
        )
    return drawn

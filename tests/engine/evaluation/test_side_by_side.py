"""Jobs side by side: one job to the outside, whatever happens in them."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from napari_lbn.engine.correct import CorrectionSettings, plan
from napari_lbn.engine.cost.memory import HOST_BYTES
from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.evaluation.hold_out.workers import FoldShare, share_of_folds
from napari_lbn.engine.evaluation.side_by_side import side_by_side
from napari_lbn.engine.events import Notice, Progress, drain
from napari_lbn.engine.tilt_series import TiltSeries

STEPS = 5


def counting(number, token):
    """A job of a few steps that tells its number once."""
    yield Notice(message=str(number))
    for done in range(STEPS):
        yield Progress(stage="own", done=done, total=STEPS, fraction=done / STEPS)
    return 10 * number


def endless(ended, token):
    """A job that goes on until it is stopped."""
    try:
        while not token.is_set():
            yield Progress(stage="own", done=0, total=1, fraction=0.0)
            time.sleep(0.001)
        raise Cancelled
    finally:
        ended.append(threading.current_thread())


def failing(token):
    yield Progress(stage="own", done=0, total=1, fraction=0.0)
    raise InputError("broken")


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_and_progress_rises(workers: int) -> None:
    events: list = []
    starts = [partial(counting, number) for number in range(7)]
    job = side_by_side(starts, workers, stage="all", fractions=(0.2, 0.6))
    assert drain(job, events.append) == [0, 10, 20, 30, 40, 50, 60]
    assert sorted(e.message for e in events if isinstance(e, Notice)) == list("0123456")
    progress = [e for e in events if isinstance(e, Progress)]
    assert {e.stage for e in progress} == {"all"}
    fractions = [e.fraction for e in progress]
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0.2
    assert fractions[-1] == pytest.approx(0.6)
    assert progress[-1].done == progress[-1].total == 7


def test_a_failure_ends_the_others() -> None:
    ended: list = []
    job = side_by_side([partial(endless, ended), failing], 2, stage="all")
    with pytest.raises(InputError, match="broken"):
        drain(job)
    assert len(ended) == 1
    assert not ended[0].is_alive()


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_nothing_runs_on_after_the_end(how: str) -> None:
    """Cancelled by the user, or left by whoever consumed it."""
    ended: list = []
    cancel = threading.Event()
    job = side_by_side([partial(endless, ended)] * 5, 2, stage="all", cancel=cancel)
    for _ in range(20):
        next(job)
    if how == "closed":
        job.close()
    else:
        cancel.set()
        with pytest.raises(Cancelled):
            drain(job)
    assert len(ended) == 2, "jobs that had not begun never do"
    assert not any(thread.is_alive() for thread in ended)


def test_threads_are_shared_and_nobody_else_is_affected() -> None:
    """Not even a thread that begins meanwhile, such as a training's."""

    def seen(token):
        for _ in range(3):
            yield Notice(message="")
        torch.ones(100, 100) @ torch.ones(100, 100)
        return torch.get_num_threads()

    def of_a_new_thread() -> int:
        new: list = []
        thread = threading.Thread(target=lambda: new.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return new[0]

    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        meanwhile: list = []
        job = side_by_side([seen] * 4, 2, stage="all")
        assert drain(job, lambda _: meanwhile.append(of_a_new_thread())) == [2, 2, 2, 2]
        assert meanwhile[-1] == 4
        assert drain(side_by_side([seen], 1, stage="all")) == [4]
        assert torch.get_num_threads() == of_a_new_thread() == 4
    finally:
        torch.set_num_threads(before)


def test_memory_and_threads_bound_the_folds_at_a_time(
    particles: TiltSeries, small_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    plain = CorrectionSettings(thickness=20, weights=small_weights, device="cpu")
    chosen = plan(particles, plain)

    def share(folds: int = 8, **more: object) -> FoldShare:
        return share_of_folds(chosen, replace(plain, **more), folds)

    plenty = sys.maxsize
    assert share(memory_bound=plenty).workers == 4
    assert share(3, memory_bound=plenty).workers == 3
    adapting = share(memory_bound=plenty, adapt_minutes=1.0)
    assert adapting.workers == 1, "a training takes all threads"
    assert adapting.memory_bound == plenty
    found = [share(memory_bound=int(HOST_BYTES) + 2**exponent) for exponent in range(12, 30)]
    workers = [each.workers for each in found]
    assert workers == sorted(workers)
    assert {workers[0], workers[-1]} == {1, 4}
    for exponent, each in zip(range(12, 30), found, strict=True):
        assert each.memory_bound is not None
        spare = each.workers * (each.memory_bound - HOST_BYTES)
        assert spare <= 2**exponent, "together they take no more than is there"

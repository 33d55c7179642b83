"""The job runner: nothing a job raises is lost, nothing stale arrives, cancelling cleans up."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from napari_lbn._qt.jobs import AT_ONCE, JobRunner, as_lbn_error
from napari_lbn.engine.errors import (
    DeviceError,
    InputError,
    InternalError,
    LBNError,
    MemoryBoundError,
)
from napari_lbn.engine.events import CancelToken, Event, Progress, raise_if_cancelled

from .conftest import WAIT


class OutOfMemoryError(RuntimeError):
    """torch's has this name and this base."""


def failing(error: BaseException) -> Any:
    def job(cancel: CancelToken) -> Generator[Event, None, None]:
        yield progress(0)
        raise error

    return job


def progress(done: int) -> Progress:
    return Progress(stage="s", done=done, total=9, fraction=done / 9)


@pytest.fixture
def runner(qapp: Any) -> JobRunner:
    return JobRunner()


def test_events_and_result_arrive_in_order(qtbot: Any, runner: JobRunner) -> None:
    seen: list[int] = []
    runner.happened.connect(lambda event: seen.append(event.done))

    def job(cancel: CancelToken) -> Generator[Event, None, str]:
        for done in range(5):
            yield progress(done)
        return "result"

    with qtbot.waitSignal(runner.succeeded, timeout=WAIT) as signal:
        runner.start(job)
        assert runner.running
    assert signal.args == ["result"]
    assert seen == [0, 1, 2, 3, 4]
    assert not runner.running


def test_events_are_handled_in_the_main_thread(qtbot: Any, runner: JobRunner) -> None:
    threads: list[str] = []
    runner.happened.connect(lambda event: threads.append(threading.current_thread().name))

    def job(cancel: CancelToken) -> Generator[Event, None, str]:
        yield progress(1)
        return threading.current_thread().name

    with qtbot.waitSignal(runner.succeeded, timeout=WAIT) as signal:
        runner.start(job)
    assert threads == [threading.main_thread().name]
    assert signal.args != threads


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("lost by generator workers"), InternalError),
        (OutOfMemoryError("CUDA out of memory"), MemoryBoundError),
        (MemoryError(), MemoryBoundError),
        (ZeroDivisionError("x"), InternalError),
        (OSError("[WinError 1114] error loading torch\\lib\\c10.dll"), DeviceError),
        (InputError("wrong", "mend it"), InputError),
    ],
)
def test_every_failure_arrives_as_one_of_our_errors(
    qtbot: Any, runner: JobRunner, error: BaseException, kind: type[LBNError]
) -> None:
    with qtbot.waitSignal(runner.failed, timeout=WAIT) as signal:
        runner.start(failing(error))
    assert type(signal.args[0]) is kind
    assert not isinstance(signal.args[0], RuntimeError)
    assert not runner.running


def test_a_failure_does_not_keep_the_jobs_arrays(qtbot: Any, runner: JobRunner) -> None:
    held: list[Any] = []

    def job(cancel: CancelToken) -> Generator[Event, None, None]:
        big = np.zeros(10)
        held.append(weakref.ref(big))
        yield progress(1)
        raise RuntimeError(big)

    with qtbot.waitSignal(runner.failed, timeout=WAIT) as signal:
        runner.start(job)
    gc.collect()
    qtbot.waitUntil(lambda: gc.collect() >= 0 and held[0]() is None, timeout=WAIT)
    assert isinstance(signal.args[0], InternalError)


def test_cancelling_runs_the_jobs_clean_up(qtbot: Any, runner: JobRunner) -> None:
    cleaned = threading.Event()

    def job(cancel: CancelToken) -> Generator[Event, None, None]:
        try:
            while True:
                raise_if_cancelled(cancel)
                yield progress(1)
        finally:
            cleaned.set()

    with qtbot.waitSignal(runner.happened, timeout=WAIT):
        runner.start(job)
    with qtbot.waitSignal(runner.cancelled, timeout=WAIT):
        runner.cancel()
    assert cleaned.is_set()
    assert not runner.running


def test_events_of_a_replaced_job_are_dropped(qtbot: Any, runner: JobRunner) -> None:
    release, ended = threading.Event(), threading.Event()
    seen: list[int] = []
    runner.happened.connect(lambda event: seen.append(event.done))

    def old(cancel: CancelToken) -> Generator[Event, None, str]:
        yield progress(1)
        release.wait(20)
        yield progress(2)  # takes no notice of its token
        ended.set()
        return "old"

    def new(cancel: CancelToken) -> Generator[Event, None, str]:
        yield progress(7)
        return "new"

    results: list[str] = []
    runner.succeeded.connect(results.append)
    with qtbot.waitSignal(runner.happened, timeout=WAIT):
        runner.start(old)
    with qtbot.waitSignal(runner.succeeded, timeout=WAIT):
        runner.start(new)
    release.set()
    qtbot.waitUntil(ended.is_set, timeout=WAIT)
    qtbot.wait(50)
    assert (seen, results) == ([1, 7], ["new"])


def test_dropped_job_is_not_heard_of_again(qtbot: Any, runner: JobRunner) -> None:
    changes: list[bool] = []
    runner.running_changed.connect(changes.append)
    ended = threading.Event()

    def job(cancel: CancelToken) -> Generator[Event, None, None]:
        try:
            while True:
                raise_if_cancelled(cancel)
                yield progress(1)
        finally:
            ended.set()

    with qtbot.waitSignal(runner.happened, timeout=WAIT):
        runner.start(job)
    runner.drop()
    assert changes == [True, False]
    with qtbot.assertNotEmitted(runner.cancelled, wait=50):
        qtbot.waitUntil(ended.is_set, timeout=WAIT)


def test_our_own_errors_keep_message_and_remedy() -> None:
    error = as_lbn_error(InputError("a.mrc is empty.", "Copy it again."))
    assert str(error) == "a.mrc is empty. Copy it again."
    assert error.__traceback__ is None


def test_a_flood_of_events_waits_for_the_window(qtbot: Any, runner: JobRunner) -> None:
    """A worker that is faster than the main thread waits: nothing piles up, nothing is lost."""
    sent: list[int] = []
    seen: list[int] = []

    def flood(cancel: CancelToken) -> Generator[Event, None, None]:
        for done in range(1000):
            sent.append(done)
            yield progress(done)

    runner.happened.connect(lambda event: seen.append(len(sent) - len(seen)))
    with qtbot.waitSignal(runner.succeeded, timeout=WAIT):
        runner.start(flood)
    assert len(seen) == 1000
    assert max(seen) <= 5 * AT_ONCE


def test_a_dropped_job_on_a_full_line_ends(qtbot: Any, runner: JobRunner) -> None:
    """It takes no notice of its token, and nobody empties the line any more."""
    ended = threading.Event()

    def flood(cancel: CancelToken) -> Generator[Event, None, None]:
        for done in range(1000):
            yield progress(done)
        ended.set()

    with qtbot.waitSignal(runner.happened, timeout=WAIT):
        runner.start(flood)
    runner.drop()
    qtbot.waitUntil(ended.is_set, timeout=WAIT)

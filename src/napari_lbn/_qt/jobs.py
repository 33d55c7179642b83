"""Runs one job at a time in a worker thread and brings its events to the main thread.

The worker thread touches no Qt object: it fills a queue that the main thread empties.
(Runnables of a Qt thread pool, whose Python halves two threads take apart, crashed now and
then.) Three more traps are handled here, once: generator workers that take a
``RuntimeError`` for an aborted thread; an exception's traceback, which keeps the job's
tensors alive; and events of a job that was replaced.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_lbn.engine.errors import (
    Cancelled,
    DeviceError,
    InternalError,
    LBNError,
    MemoryBoundError,
)
from napari_lbn.engine.events import CancelToken, Event

log = logging.getLogger(__name__)
LOOK = 15
"""Milliseconds between looks at what the worker has sent."""
AT_ONCE = 20
"""Events that are passed on in one look, so that the window stays alive."""
PATIENCE = 0.1
"""Seconds that a worker waits on a full line before it asks whether anybody listens."""
JobFactory = Callable[[CancelToken], Generator[Event, None, Any]]


@dataclass(frozen=True)
class _Done:
    """A job's last word: its result or its error, sent as an event."""

    result: Any = None
    error: LBNError | None = None


def as_job(function: Callable[..., Any], *args: Any) -> JobFactory:
    """A function as a job without events."""

    def job(cancel: CancelToken) -> Generator[Event, None, Any]:
        yield from ()
        return function(*args)

    return job


def as_lbn_error(error: BaseException) -> LBNError:
    """The error as one of our own, without the frames that hold the job's arrays."""
    if isinstance(error, LBNError):
        return error.with_traceback(None)
    log.error("A job failed.\n%s", "".join(traceback.format_exception(error)))
    text = f"{type(error).__name__}: {error}"
    ours: LBNError
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        ours = MemoryBoundError(
            "The memory was not enough for this run.",
            "Close other programs, choose a lower memory bound in Preferences, or bin more.",
        )
    elif isinstance(error, ImportError | OSError) and "torch" in str(error).lower():
        ours = DeviceError(
            f"PyTorch could not be loaded ({text}).",
            "Reinstall torch. On Windows, install the Visual C++ runtime; the command line "
            "napari-lbn still works.",
        )
    else:
        ours = InternalError(f"The job failed: {text}.", "The details are in the log.")
    traceback.clear_frames(error.__traceback__)
    return ours


class Line:
    """From a worker thread to the main thread, until it is closed; a full line makes wait."""

    def __init__(self) -> None:
        self._events: Queue[Any] = Queue(maxsize=4 * AT_ONCE)
        self._closed = threading.Event()

    def send(self, event: Any) -> None:
        """Called by the worker; goes nowhere once nobody listens."""
        while not self._closed.is_set():
            with contextlib.suppress(Full):
                self._events.put(event, timeout=PATIENCE)
                return

    def receive(self) -> Any:
        """Called by the main thread; raises `queue.Empty` where nothing has arrived."""
        return self._events.get_nowait()

    def close(self) -> None:
        """Called by the main thread: listen no more."""
        self._closed.set()


def work(factory: JobFactory, cancel: CancelToken, line: Line) -> None:
    """Run a job to its end, which is its last event: nothing that it raises leaves here."""
    try:
        job = factory(cancel)
        while True:
            try:
                line.send(next(job))
            except StopIteration as stop:
                done = _Done(result=stop.value)
                break
    except BaseException as error:
        done = _Done(error=as_lbn_error(error))
    line.send(done)


class JobRunner(QObject):
    """Runs one job at a time; starting another cancels the one before it.

    Signals
    -------
    happened(object)
        An event of the current job.
    succeeded(object)
        Its result.
    failed(object)
        Its `LBNError`.
    cancelled()
        It was cancelled and has ended.
    running_changed(bool)
    """

    happened = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    running_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cancel: CancelToken | None = None
        self._line: Line | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._cancel is not None

    def start(self, factory: JobFactory) -> None:
        """Start a job; one that is still running is dropped.

        Parameters
        ----------
        factory : callable
            Given the cancel token, makes the generator of events; called in the worker.
        """
        was_running = self.running
        self._forget()
        cancel = self._cancel = threading.Event()
        line = self._line = Line()
        # one of each job's own: what a dropped job still sends goes nowhere
        threading.Thread(target=work, args=(factory, cancel, line), name="napari-lbn").start()
        self._timer.start()
        if not was_running:
            self.running_changed.emit(True)

    def cancel(self) -> None:
        """Ask the job to stop; `cancelled` follows once it has."""
        if self._cancel is not None:
            self._cancel.set()

    def drop(self) -> None:
        """Cancel the job and hear no more of it."""
        if self.running:
            self._forget()
            self.running_changed.emit(False)

    def _forget(self) -> None:
        self.cancel()
        self._timer.stop()
        if self._line is not None:
            self._line.close()
        self._cancel = self._line = None

    def _look(self) -> None:
        """Pass on what has arrived, until a receiver ends or replaces the job."""
        line = self._line
        for _ in range(AT_ONCE):
            if line is None or line is not self._line:
                return
            try:
                event = line.receive()
            except Empty:
                return
            self._receive(event)

    def _receive(self, event: Any) -> None:
        if not isinstance(event, _Done):
            self.happened.emit(event)
            return
        was_cancelled = self._cancel is not None and self._cancel.is_set()
        self._forget()
        self.running_changed.emit(False)
        if was_cancelled or isinstance(event.error, Cancelled):
            self.cancelled.emit()
        elif event.error is not None:
            self.failed.emit(event.error)
        else:
            self.succeeded.emit(event.result)

"""Runs one job at a time in a worker thread and brings its events to the main thread.

Three traps are handled here, once: superqt's generator worker swallows every
``RuntimeError``; an exception's traceback keeps the job's tensors alive; and events of a
job that was replaced still lie in the queue when the next one has begun.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal, Slot
from superqt.utils import create_worker

from napari_lbn.engine.errors import (
    Cancelled,
    DeviceError,
    InternalError,
    LBNError,
    MemoryBoundError,
)
from napari_lbn.engine.events import CancelToken, Event

log = logging.getLogger(__name__)
JobFactory = Callable[[CancelToken], Generator[Event, None, Any]]


@dataclass(frozen=True)
class _Done:
    """A job's last word: its result or its error, sent as an event."""

    result: Any = None
    error: LBNError | None = None


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


def guarded(factory: JobFactory, cancel: CancelToken) -> Generator[Any, None, None]:
    """The job with its end as an event: nothing that it raises leaves this generator."""
    try:
        result = yield from factory(cancel)
    except Exception as error:  # a RuntimeError too: the worker would swallow it
        done = _Done(error=as_lbn_error(error))
    else:
        done = _Done(result=result)
    yield done


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
        self._relay: _Relay | None = None

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
        self._relay = relay = _Relay(self)
        worker = create_worker(guarded, factory, cancel, _start_thread=False)
        worker.yielded.connect(relay.receive)
        worker.start()
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
        self._cancel = None
        if self._relay is not None:
            self._relay.close()
            self._relay = None

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


class _Relay(QObject):
    """Brings one job's events to the main thread, where it lives, until it is closed.

    Each job has its own, so that what a dropped job still sends goes nowhere.
    """

    def __init__(self, runner: JobRunner) -> None:
        super().__init__(runner)
        self._runner: JobRunner | None = runner

    @Slot(object)
    def receive(self, event: Any) -> None:
        """Pass an event on."""
        if self._runner is not None:
            self._runner._receive(event)

    def close(self) -> None:
        """Pass nothing on any more."""
        self._runner = None
        self.deleteLater()

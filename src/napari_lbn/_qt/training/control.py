"""Pause, go on and stop a job that runs in another thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_lbn.engine.events import CancelToken

PATIENCE = 0.1
"""Seconds between looks at what else may end a pause."""


class TrainingControl:
    """Asked by the worker between two events, told by the main thread.

    Attributes
    ----------
    stop : threading.Event
        End the training after the step at hand and keep everything.
    over : threading.Event
        Set by the worker when it has ended.
    waiting : threading.Event
        Set by the worker while it waits in a pause.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.over = threading.Event()
        self.waiting = threading.Event()
        self._going = threading.Event()
        self._going.set()

    def pause(self) -> None:
        """Wait after the step at hand."""
        self._going.clear()

    def go_on(self) -> None:
        """End a pause."""
        self._going.set()

    def finish(self) -> None:
        """Stop, also from a pause."""
        self.stop.set()
        self.go_on()

    def wait(self, cancel: CancelToken) -> None:
        """Return at once, or after a pause; stopping and cancelling end a pause too."""
        while not self._going.is_set():
            self.waiting.set()
            if self._going.wait(PATIENCE) or self.stop.is_set() or cancel.is_set():
                break
        self.waiting.clear()

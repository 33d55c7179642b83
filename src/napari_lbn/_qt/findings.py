"""What is wrong with the tilt series at hand, in the dock's list of messages."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject

from .background import DEBOUNCE, soon
from .engine import Engine
from .jobs import JobRunner, as_job
from .messages import MessageList, notify_error
from .session import Session


class Findings(QObject):
    """Checks the session's series in the background, a moment after it has changed.

    Parameters
    ----------
    session : Session
        Told of a defect that lets nothing run.
    engine : Engine
        Checks.
    messages : MessageList
        Shows what is found.
    """

    def __init__(
        self,
        session: Session,
        engine: Engine,
        messages: MessageList,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._messages = session, engine, messages
        self.runner = JobRunner(self)
        self.runner.succeeded.connect(self._show)
        self.runner.failed.connect(notify_error)
        self._soon = soon(self, self._check, DEBOUNCE)
        session.series_changed.connect(self._on_series)

    def add(self, text: str, severity: str) -> None:
        """A note of a run joins the findings about its tilt series."""
        self._messages.add(severity, text)

    def clear(self) -> None:
        """Another series: nothing is known of it yet."""
        self._messages.show_messages([])

    def _on_series(self, series: Any) -> None:
        self.runner.drop()  # what it finds is of the series before
        self._soon.start()

    def _check(self) -> None:
        if self._session.series is not None:
            self.runner.start(as_job(self._engine.check, self._session.series))

    def _show(self, findings: Any) -> None:
        self._messages.show_messages([(f.severity, f.message, f.remedy) for f in findings])
        defects = [f"{f.message} {f.remedy}".strip() for f in findings if f.severity == "error"]
        self._session.set_defect(next(iter(defects), ""))

"""Keeps the estimate of a training up to date, a moment after the last change."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject

from napari_lbn.engine.errors import LBNError

from ..background import DEBOUNCE, soon
from ..jobs import JobRunner
from . import jobs
from .status import TrainingStatus


class TrainingPlanner(QObject):
    """Writes `plan` or `problem` of a status whenever its series or options change."""

    def __init__(self, status: TrainingStatus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self.runner = JobRunner(self)
        self._soon = soon(self, self._plan, DEBOUNCE)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        status.events.series.connect(self.schedule)
        status.events.options.connect(self.schedule)

    def schedule(self, *_: object) -> None:
        """Plan again soon."""
        self.runner.drop()
        self._status.plan = None
        self._status.problem = ""
        self._soon.start()

    def _plan(self) -> None:
        status = self._status
        series, options = status.series, status.options
        if series and options.weights:
            self.runner.start(lambda cancel: jobs.plan(series, options, cancel))

    def _on_succeeded(self, plan: Any) -> None:
        self._status.plan = plan

    def _on_failed(self, error: LBNError) -> None:
        self._status.problem = str(error)

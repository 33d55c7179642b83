"""The button that saves what a check has found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

from ..jobs import JobRunner, as_job
from ..messages import notify_error, notify_info
from ..replacing import may_replace
from ..theme import explain
from .job import report_files, save_report

NOT_YET = "Available once a check has run."


class ReportButton(QPushButton):
    """Asks for a folder, and before a report in it is replaced, and writes the report."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Save report…", parent)
        self._evaluation: Any = None
        self.runner = JobRunner(self)
        self.runner.succeeded.connect(self._on_saved)
        self.runner.failed.connect(notify_error)
        self.clicked.connect(self._on_click)

    def offer(self, evaluation: Any) -> None:
        """Save this from now on; None where there is nothing yet."""
        self._evaluation = evaluation
        explain(self, evaluation is not None, NOT_YET, "Figures, tables, HTML")

    def _on_click(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the report")
        evaluation, folder = self._evaluation, Path(chosen)
        if not chosen or evaluation is None:
            return
        if may_replace(self, report_files(evaluation, folder)):
            self.runner.start(as_job(save_report, evaluation, folder))

    def _on_saved(self, written: Any) -> None:
        page = next((path for path in written if path.suffix == ".html"), written[0])
        notify_info(f"Report saved: {page}")

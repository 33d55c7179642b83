"""Trainings of earlier sessions: look at one, or go on with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..eliding import ElidingCombo
from ..theme import caption, explain
from .status import TrainingStatus

BUSY = "A training is running."
NONE = "No earlier training is known. Choose its folder (…)."
FINISHED = "This training has reached its last epoch."


def describe_run(run: Any) -> str:
    """One line about a training."""
    names = ", ".join(run.names[:2]) + (" …" if len(run.names) > 2 else "")
    epochs = run.configuration.run.epochs
    if run.finished:
        return f"{names}: {epochs} epochs, finished"
    return f"{names}: stopped after epoch {run.epoch} of {epochs}"


class RunsPanel(QWidget):
    """A list of trainings and two buttons.

    Signals
    -------
    open_requested(object), resume_requested(object)
        The folder.
    """

    open_requested = Signal(object)
    resume_requested = Signal(object)

    def __init__(self, status: TrainingStatus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self._runs: Sequence[Any] = ()
        self.combo = ElidingCombo()
        self.combo.setAccessibleName("Earlier trainings")
        self._hint = caption(NONE)
        self.choose = QToolButton()
        self.choose.setText("…")
        self.choose.setToolTip("Folder of a training")
        self.choose.setAccessibleName("Choose the folder of a training")
        self.open, self.resume = QPushButton("Show"), QPushButton("Resume")
        chooser, buttons = QHBoxLayout(), QHBoxLayout()
        chooser.addWidget(self.combo, 1)
        chooser.addWidget(self._hint, 1)
        chooser.addWidget(self.choose)
        buttons.addWidget(self.open)
        buttons.addWidget(self.resume)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(chooser)
        layout.addLayout(buttons)
        self.combo.currentIndexChanged.connect(self._explain)
        self.open.clicked.connect(lambda: self.open_requested.emit(self.folder))
        self.resume.clicked.connect(lambda: self.resume_requested.emit(self.folder))
        self.choose.clicked.connect(self._on_choose)
        status.events.phase.connect(self._explain)
        self.set_runs(())

    @property
    def folder(self) -> Path | None:
        """Of the training chosen in the list."""
        index = self.combo.currentIndex()
        return self._runs[index].folder if 0 <= index < len(self._runs) else None

    def set_runs(self, runs: Sequence[Any]) -> None:
        """List these trainings, `RunSummary` each; the one that is shown is chosen."""
        chosen = self._status.folder or self.folder
        self._runs = runs
        self.combo.blockSignals(True)
        self.combo.clear()
        for run in runs:
            self.combo.addItem(describe_run(run))
            role = Qt.ItemDataRole.ToolTipRole
            self.combo.setItemData(self.combo.count() - 1, str(run.folder), role)
        folders = [run.folder for run in runs]
        self.combo.setCurrentIndex(folders.index(chosen) if chosen in folders else 0)
        self.combo.blockSignals(False)
        for widget in (self.combo, self.open, self.resume):
            widget.setVisible(bool(runs))
        self._hint.setVisible(not runs)
        self._explain()

    def _explain(self, *_: object) -> None:
        index, running = self.combo.currentIndex(), self._status.running
        run = self._runs[index] if 0 <= index < len(self._runs) else None
        explain(self.open, run is not None and not running, BUSY, "Its curves and weights")
        ready = run is not None and run.resumable and not running
        why_not = BUSY if running else FINISHED
        explain(self.resume, ready, why_not, "Go on where its checkpoint is")
        self.choose.setEnabled(not running)

    def _on_choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of a training")
        if folder:
            self.open_requested.emit(Path(folder))

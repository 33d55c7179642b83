"""The weights that a training kept: look at any, use it, save it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..lists import add_row_to, fit_height
from ..replacing import SUFFIX, ask_safetensors
from ..theme import caption, explain
from .status import TrainingStatus

HINT = "Choose weights to see them on the preview above."
NONE = "The first epoch has not ended yet."
CHOOSE = "Choose weights in the list."
LIVE = "Newest epoch, as the training goes on"
MOST_ROWS = 7


def describe_weights(kept: Any) -> str:
    """One line about kept weights."""
    text = f"Epoch {kept.epoch}"
    if not math.isnan(kept.mse):
        text += f": error {kept.mse:.4f}, correlation {kept.correlation:.3f}"
    return f"{text} – best" if kept.best else text


class CheckpointsPanel(QWidget):
    """A list and two buttons.

    Signals
    -------
    chosen(object)
        `KeptWeights` to look at; None follows the training.
    use_requested(object)
        `KeptWeights` for the correction.
    save_requested(object, object)
        `KeptWeights` and the file.
    """

    chosen = Signal(object)
    use_requested = Signal(object)
    save_requested = Signal(object, object)

    def __init__(self, status: TrainingStatus, folder: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self._folder = folder
        self._hint = caption(HINT)
        self.list = QListWidget()
        self.list.setAccessibleName("Weights of this training")
        self.use, self.save = QPushButton("Use in correction"), QPushButton("Save as…")
        row = QHBoxLayout()
        row.addWidget(self.use)
        row.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._hint)
        layout.addWidget(self.list)
        layout.addLayout(row)
        status.events.weights.connect(self.refresh)
        status.events.phase.connect(self.refresh)
        status.events.looking.connect(self._say)
        self.list.currentRowChanged.connect(self._on_row)
        self.use.clicked.connect(lambda: self.use_requested.emit(self.selected))
        self.save.clicked.connect(self._on_save)
        self.refresh()

    @property
    def selected(self) -> Any | None:
        """The weights chosen in the list; None for the newest ones."""
        item = self.list.currentItem()
        return None if item is None else item.data(Qt.ItemDataRole.UserRole)

    def select(self, epoch: int) -> None:
        """Choose the weights of an epoch."""
        for row in range(self.list.count()):
            kept = self.list.item(row).data(Qt.ItemDataRole.UserRole)
            if kept is not None and kept.epoch == epoch:
                self.list.setCurrentRow(row)

    def refresh(self, *_: object) -> None:
        """List the weights that there are now, the newest on top; the choice stays."""
        before, status = self.selected, self._status
        self.list.blockSignals(True)
        self.list.clear()
        if status.running:
            add_row_to(self.list, QListWidgetItem(LIVE))
            self.list.setCurrentRow(0)
        for kept in reversed(status.weights):
            item = QListWidgetItem(describe_weights(kept))
            item.setData(Qt.ItemDataRole.UserRole, kept)
            item.setToolTip(str(kept.path))
            if kept.best:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            add_row_to(self.list, item)
        if before is not None:
            self.select(before.epoch)
        self.list.blockSignals(False)
        fit_height(self.list, most=MOST_ROWS)
        self._say()
        self._explain()

    def _on_row(self, row: int) -> None:
        self._explain()
        if row >= 0:
            self.chosen.emit(self.selected)

    def _say(self, *_: object) -> None:
        status = self._status
        text = HINT if status.weights else NONE
        if status.looking is not None:
            text = f"Looking at the preview with the weights of epoch {status.looking} …"
        self._hint.setText(text)

    def _explain(self) -> None:
        why_not = CHOOSE if self._status.weights else NONE
        ready = self.selected is not None
        explain(self.use, ready, why_not, "Open the correction dock with these weights")
        explain(self.save, ready, why_not, "A file of their own, under a name")

    def _on_save(self) -> None:
        kept = self.selected
        if kept is None:
            return
        start = Path(self._folder() or Path.home()) / f"epoch_{kept.epoch}{SUFFIX}"
        file = ask_safetensors(self, "Save weights", start, "Weights")
        if file is not None:
            self.save_requested.emit(kept, file)

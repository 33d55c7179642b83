"""Learned filters out of files and into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from ..messages import notify_info, report_problem
from ..replacing import SUFFIX, ask_safetensors
from ..theme import explain

KIND = "Learned filter"
NO_FILTER = "Learn a filter first, or open one."


class FilterFiles(QWidget):
    """Two buttons: open a filter, save the one that there is.

    Parameters
    ----------
    source : callable
        Gives the file of the chosen series, beside which a filter is saved; None without one.

    Signals
    -------
    opened(object, str)
        A filter from a file, and which one it is in words.
    """

    opened = Signal(object, str)

    def __init__(self, source: Callable[[], Path | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._last = Path.home()
        self._model: Any = None
        self._origin = ""
        self.open_button, self.save_button = QPushButton("Open…"), QPushButton("Save…")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.open_button, self.save_button):
            layout.addWidget(button)
        explain(self.save_button, False, NO_FILTER)
        self.open_button.clicked.connect(self._ask_and_open)
        self.save_button.clicked.connect(self._ask_and_save)

    def keep(self, model: Any, origin: str) -> None:
        """Take the filter that would be saved, and what it was learned from."""
        self._model, self._origin = model, origin
        explain(self.save_button, True, NO_FILTER)

    def save(self, path: Path) -> None:
        """Write the filter."""
        from napari_lbn.engine.reconstruction.learned import save_filter

        with report_problem():
            save_filter(path, self._model, {"origin": self._origin})
            self._last = path.parent
            notify_info(f"Saved {path}.")

    def open(self, path: Path) -> None:
        """Take a filter from a file."""
        from napari_lbn.engine.reconstruction.learned import load_filter

        with report_problem():
            model, description = load_filter(path)
            self._last = path.parent
            self.keep(model, str(description.get("origin", "unknown data")))
            self.opened.emit(model, f"{path.name}, learned from {self._origin}.")

    def _ask_and_save(self) -> None:
        source = self._source()
        folder = self._last if source is None else source.parent
        file = ask_safetensors(self, "Save filter", folder / f"filter{SUFFIX}", KIND)
        if file is not None:
            self.save(file)

    def _ask_and_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open filter", "", f"{KIND} (*{SUFFIX})")
        if name:
            self.open(Path(name))

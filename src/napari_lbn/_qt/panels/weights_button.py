"""The button beside the weights list: a file, a folder, or an address of the web."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMenu, QToolButton, QWidget

from napari_lbn.engine.events import CancelToken, Event

from ..jobs import JobRunner, as_job
from ..messages import notify_error

EXAMPLE = "https://…/NAME.safetensors#sha256=…"
DOWNLOADING = "Downloading weights…"


def fetch(address: str) -> Callable[[CancelToken], Generator[Event, None, str]]:
    """A job that downloads weights and gives their address back."""

    def job(cancel: CancelToken) -> Generator[Event, None, str]:
        from napari_lbn.engine.io.weights.address import fetch_weights

        yield from ()
        fetch_weights(address, cancel=cancel)
        return address

    return job


def look_into(folder: str) -> list[str]:
    """Weights of a folder; the one to take, a training's best or the first, stands first.

    Raises
    ------
    WeightsError
        There are none.
    """
    from napari_lbn.engine.errors import WeightsError
    from napari_lbn.engine.io.weights.find import BEST, weights_in

    found = sorted(weights_in(Path(folder)), key=lambda path: (path.name != BEST, path.name))
    if not found:
        raise WeightsError(f"{folder} holds no weights.", "Weights are .safetensors files.")
    return [str(path) for path in found]


class WeightsButton(QToolButton):
    """Asks where weights are, and fetches them in the background.

    Signals
    -------
    chosen(object)
        Files or an address, as a list; the first one is to be taken.
    busy_changed(str)
        What is being done; empty once it is over.
    """

    chosen = Signal(object)
    busy_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("…")
        self.setToolTip("Weights of your own: a file, a folder, or an address with its hash")
        self.setAccessibleName("Choose weights of your own")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        menu = QMenu(self)
        menu.addAction("File…", self._ask_file)
        menu.addAction("Folder…", self._ask_folder)
        menu.addAction("Address…", self._ask_address)
        self.setMenu(menu)
        self.runner = JobRunner(self)
        self.runner.succeeded.connect(self._on_found)
        self.runner.failed.connect(notify_error)
        self.runner.running_changed.connect(self._on_running)

    def open_folder(self, folder: str) -> None:
        """Look for weights in a folder."""
        self.runner.start(as_job(look_into, folder))

    def open_address(self, address: str) -> None:
        """Download weights, where they are not on this machine yet."""
        self.runner.start(fetch(address))

    def _on_found(self, found: Any) -> None:
        self.chosen.emit([found] if isinstance(found, str) else list(found))

    def _on_running(self, running: bool) -> None:
        self.setEnabled(not running)
        self.busy_changed.emit(DOWNLOADING if running else "")

    def _ask_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Weights", "", "Weights (*.safetensors)")
        if file:
            self.chosen.emit([file])

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with weights")
        if folder:
            self.open_folder(folder)

    def _ask_address(self) -> None:
        text = f"Address with its hash: {EXAMPLE}"
        address, agreed = QInputDialog.getText(self, "Weights from an address", text)
        if agreed and address.strip():
            self.open_address(address.strip())

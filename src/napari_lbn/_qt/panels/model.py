"""Weights and device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QWidget

from ..engine import Choice
from ..session import Session
from ..theme import WARNING_COLOUR, add_row, caption, form
from .fields import choices, fill

NO_WEIGHTS = "No weights were found. Choose a file (…), or set a folder in Preferences."


class ModelPanel(QWidget):
    """Which network, and where it runs; both lists arrive after the dock has opened."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._device_choices: Sequence[Choice] = ()
        self.weights = choices("The pretrained network")
        self.device = choices("Where the network runs")
        self.on_cpu = caption()
        self.on_cpu.setStyleSheet(f"color: {WARNING_COLOUR};")
        self.on_cpu.hide()
        choose = QToolButton()
        choose.setText("…")
        choose.setToolTip("Weights of your own (.safetensors)")
        choose.setAccessibleName("Choose weights file")
        weights = QHBoxLayout()
        weights.addWidget(self.weights, 1)
        weights.addWidget(choose)
        fields = form()
        add_row(fields, "Weights", weights)
        add_row(fields, "Device", self.device)
        fields.addRow(self.on_cpu)
        self.setLayout(fields)
        choose.clicked.connect(self._choose_weights)
        self.weights.activated.connect(
            lambda _: session.set_options(weights=self.weights.currentData())
        )
        self.device.activated.connect(self._on_device)

    def set_weights(self, entries: Sequence[Choice]) -> None:
        """Offer these weights; the first one is taken."""
        fill(self.weights, entries, NO_WEIGHTS)
        self._session.set_obstacle("" if entries else NO_WEIGHTS)
        if entries:
            self._session.set_options(weights=self.weights.currentData())

    def add_weights(self, file: str) -> None:
        """Offer a file of the user's beside the others, and take it."""
        if self._session.options.weights == "":
            self.weights.clear()
        if self.weights.findData(file) < 0:
            self.weights.addItem(Path(file).name, file)
        self.weights.setEnabled(True)
        self.weights.setCurrentIndex(self.weights.findData(file))
        self._session.set_obstacle("")
        self._session.set_options(weights=file)

    def set_devices(self, entries: Sequence[Choice], preferred: str = "auto") -> None:
        """Offer these devices and choose the preferred one where it is there."""
        self._device_choices = entries
        fill(self.device, entries, "No device was found.")
        index = self.device.findData(preferred)
        if index >= 0:
            self.device.setCurrentIndex(index)
        self._on_device()

    def _on_device(self, *_: object) -> None:
        value = self.device.currentData() or "auto"
        detail = next((c.detail for c in self._device_choices if c.value == value), "")
        self.on_cpu.setText(f"Runs on the {detail}.")
        self.on_cpu.setVisible(detail.startswith("CPU"))
        self.device.setToolTip(detail or "Where the network runs")
        self._session.set_options(device=value)

    def _choose_weights(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Weights", "", "Weights (*.safetensors)")
        if file:
            self.add_weights(file)

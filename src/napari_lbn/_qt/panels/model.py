"""Weights and device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from qtpy.QtWidgets import QHBoxLayout, QWidget

from ..engine import Choice
from ..offered import OFFERED
from ..theme import WARNING_COLOUR, add_row, caption, form, show_text
from ..weights_names import name_file
from .fields import choices, fill
from .weights_button import WeightsButton

NO_DEVICE = (
    "The device set in Preferences, {wanted}, is not there: {used} is used. Choose one above, or "
    "correct the Preferences."
)
NO_WEIGHTS = "No weights were found. Choose a file (…), or set a folder in Preferences."


class ModelOptions(Protocol):
    """What holds the choice: ``options.weights`` and ``options.device``."""

    options: Any

    @property
    def running(self) -> bool:
        """Whether a job works with the choice."""

    def set_options(self, **changes: Any) -> None:
        """Take over a choice."""

    def set_obstacle(self, reason: str) -> None:
        """Take over why nothing can be chosen; empty where it can."""


class ModelPanel(QWidget):
    """Which network, and where it runs; both lists arrive after the dock has opened.

    Parameters
    ----------
    session : ModelOptions
        Of a dock.
    label : str
        Of the weights.
    follows : bool
        Take weights that another dock wants a correction to use.
    """

    def __init__(
        self,
        session: ModelOptions,
        *,
        label: str = "Weights",
        follows: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._follows = follows
        self._device_choices: Sequence[Choice] = ()
        self._own_files: list[str] = []
        self.weights = choices("The pretrained network")
        self.device = choices("Where the network runs")
        self.on_cpu, self.no_device, self.no_folder = caption(), caption(), caption()
        for warning in (self.on_cpu, self.no_device, self.no_folder):
            warning.setStyleSheet(f"color: {WARNING_COLOUR};")
            warning.hide()
        self.own = WeightsButton()
        self.fetching = caption()
        self.fetching.hide()
        weights = QHBoxLayout()
        weights.addWidget(self.weights, 1)
        weights.addWidget(self.own)
        fields = form()
        add_row(fields, label, weights)
        fields.addRow(self.fetching)
        fields.addRow(self.no_folder)
        add_row(fields, "Device", self.device)
        fields.addRow(self.no_device)
        fields.addRow(self.on_cpu)
        self.setLayout(fields)
        self.own.chosen.connect(self._on_chosen)
        self.own.busy_changed.connect(partial(show_text, self.fetching))
        self.weights.activated.connect(
            lambda _: session.set_options(weights=self.weights.currentData())
        )
        self.device.activated.connect(self._on_device_chosen)
        OFFERED.offered.connect(self._on_offered)
        OFFERED.wanted.connect(self._on_wanted)

    @property
    def running(self) -> bool:
        """Whether a job works with the choice."""
        return self._session.running

    def set_weights(self, entries: Sequence[Choice]) -> None:
        """Offer these weights beside the user's own; what was chosen stays, if it is there.

        Otherwise the first one is taken, or what another dock has asked for.
        """
        chosen = self._session.options.weights
        if Path(chosen).is_file() and chosen not in (*self._own_files, *(e.value for e in entries)):
            self._own_files.append(chosen)  # of a dock before this one
        fill(self.weights, entries, NO_WEIGHTS)
        if not entries and self._own_files:
            self.weights.clear()
        for file in self._own_files:
            self._list(file)
        there = bool(entries or self._own_files)
        self._session.set_obstacle("" if there else NO_WEIGHTS)
        if chosen and self.weights.findData(chosen) >= 0:
            self.weights.setCurrentIndex(self.weights.findData(chosen))
        if there:
            self._session.set_options(weights=self.weights.currentData())
        for file in OFFERED.files:
            self._on_offered(file)
        if OFFERED.last_wanted:
            self._on_wanted(OFFERED.last_wanted)

    def add_weights(self, file: str) -> None:
        """Offer a file of the user's beside the others, and take it."""
        if self._session.options.weights == "":
            self.weights.clear()
        if file not in self._own_files:
            self._own_files.append(file)
        self._list(file)
        self.weights.setCurrentIndex(self.weights.findData(file))
        self._session.set_obstacle("")
        self._session.set_options(weights=file)

    def _on_offered(self, file: str) -> None:
        """List weights that a training left."""
        if self._session.options.weights:
            self._list(file)

    def _list(self, file: str) -> None:
        if self.weights.findData(file) < 0:
            self.weights.addItem(name_file(file), file)
        self.weights.setEnabled(True)

    def _on_wanted(self, file: str) -> None:
        if self._follows and self._session.options.weights and not self._session.running:
            self.add_weights(file)

    def set_devices(self, entries: Sequence[Choice], preferred: str = "auto") -> None:
        """Offer these devices and choose the preferred one where it is there.

        What a dock before this one was set to goes before it.
        """
        kept = self._session.options.device
        if not self._device_choices and kept in {c.value for c in entries} - {"auto"}:
            preferred = kept
        self._device_choices = entries
        fill(self.device, entries, "No device was found.")
        index = self.device.findData("cuda:0" if preferred == "cuda" else preferred)
        if index >= 0:
            self.device.setCurrentIndex(index)
        used = self.device.currentText()
        show_text(
            self.no_device, "" if index >= 0 else NO_DEVICE.format(wanted=preferred, used=used)
        )
        self._on_device()

    def tell_of_folder(self, problem: str) -> None:
        """Say what is wrong with the folder of the user's own weights; empty where nothing is."""
        show_text(self.no_folder, problem)

    def _on_device_chosen(self, *_: object) -> None:
        show_text(self.no_device, "")
        self._on_device()

    def _on_device(self, *_: object) -> None:
        value = self.device.currentData() or "auto"
        detail = next((c.detail for c in self._device_choices if c.value == value), "")
        self.on_cpu.setText(f"Runs on the {detail}.")
        self.on_cpu.setVisible(detail.startswith("CPU"))
        self.device.setToolTip(detail or "Where the network runs")
        self._session.set_options(device=value)

    def _on_chosen(self, files: list[str]) -> None:
        """List what the user named, and take the first of it."""
        for file in reversed(files):
            self.add_weights(file)

"""What a training is told: start, device, length, held-out tilts, and the rest folded away."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..panels.fields import count, number
from ..panels.model import ModelPanel
from ..theme import SPACING, add_row, form
from .status import TrainingStatus

UNITS = (("minutes", "minutes"), ("epochs", "epochs"))
BESIDE = "beside the first tilt series"
SMALLEST_RATE, LARGEST_RATE = 1e-6, 1e-1


class TrainingSettingsPanel(QWidget):
    """Shows the status's options and follows them; hidden while a training runs."""

    def __init__(self, status: TrainingStatus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self.model = ModelPanel(status, label="Start from", follows=False)
        self._make_fields()
        self._lay_out()
        self._connect()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the options in the fields."""
        options = self._status.options
        self.setVisible(not self._status.running)
        fields = (self.length, self.unit, self.held_out, self.thickness, self.crop, self.rate)
        blockers = [QSignalBlocker(field) for field in fields]
        self.length.setValue(options.length)
        self.unit.setCurrentIndex(self.unit.findData(options.unit))
        self.held_out.setValue(options.hold_out_every)
        self.thickness.setValue(options.thickness_nm)
        self.crop.setValue(options.crop)
        self.rate.setValue(1e4 * options.learning_rate)
        del blockers
        folder = options.folder
        self.folder.setText(BESIDE if folder is None else str(folder))
        self.folder.setToolTip("" if folder is None else str(folder))

    def _make_fields(self) -> None:
        self.length = count(
            low=1,
            high=100_000,
            suffix="",
            tip="How long to train, counted from the first step: reading the series and timing a "
            "few steps, from which minutes become epochs, come before",
        )
        self.unit = QComboBox()
        for label, value in UNITS:
            self.unit.addItem(label, value)
        self.held_out = count(
            low=2,
            high=50,
            suffix="th tilt",
            tip="These tilts are never learned from: how well they are predicted tells whether "
            "the training helps",
        )
        self.held_out.setPrefix("every ")
        self.thickness = number(
            low=1.0,
            high=10000.0,
            decimals=1,
            suffix=" nm",
            tip="Thickness of the specimens. Take a little more than the ice.",
        )
        self.crop = count(
            low=32,
            high=4096,
            suffix=" px",
            tip="Side of the crops that a step learns from. Smaller ones need less memory.",
        )
        self.crop.setSingleStep(16)
        self.rate = number(
            low=1e4 * SMALLEST_RATE,
            high=1e4 * LARGEST_RATE,
            decimals=2,
            suffix=" · 10⁻⁴",
            tip="Highest learning rate; lower it where the loss jumps",
        )
        self.critic = QCheckBox("Patch critic")
        self.critic.setToolTip(
            "The paper's adversarial loss: tilts look more like measured ones; far slower"
        )
        self.folder = QLineEdit()
        self.folder.setReadOnly(True)
        self.choose_folder = QToolButton()
        self.choose_folder.setText("…")
        self.choose_folder.setToolTip("Where trainings are kept")
        self.choose_folder.setAccessibleName("Choose folder")

    def _lay_out(self) -> None:
        length, folder = QHBoxLayout(), QHBoxLayout()
        length.addWidget(self.length, 1)
        length.addWidget(self.unit, 1)
        folder.addWidget(self.folder, 1)
        folder.addWidget(self.choose_folder)
        fields = form()
        add_row(fields, "Train for", length)
        add_row(fields, "Hold out", self.held_out)
        add_row(fields, "Thickness", self.thickness)
        self.unfold = QPushButton("Advanced ▸")
        self.unfold.setCheckable(True)
        self.unfold.setFlat(True)
        self.unfold.setStyleSheet(
            "text-align: left; background: transparent; border: none; padding: 2px;"
        )
        self._more = QWidget()
        more = form()
        add_row(more, "Crop", self.crop)
        add_row(more, "Rate", self.rate)
        add_row(more, "Folder", folder)
        more.addRow(self.critic)
        self._more.setLayout(more)
        self._more.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.model)
        layout.addLayout(fields)
        layout.addWidget(self.unfold)
        layout.addWidget(self._more)

    def _connect(self) -> None:
        status = self._status
        self.length.valueChanged.connect(lambda v: status.set_options(length=v))
        self.unit.activated.connect(lambda _: status.set_options(unit=self.unit.currentData()))
        self.held_out.valueChanged.connect(lambda v: status.set_options(hold_out_every=v))
        self.thickness.valueChanged.connect(lambda v: status.set_options(thickness_nm=v))
        self.crop.valueChanged.connect(lambda v: status.set_options(crop=v))
        self.rate.valueChanged.connect(lambda v: status.set_options(learning_rate=v / 1e4))
        self.critic.toggled.connect(lambda on: status.set_options(critic=on))
        self.choose_folder.clicked.connect(self._on_folder)
        self.unfold.toggled.connect(self._on_unfold)
        status.events.options.connect(self.refresh)
        status.events.phase.connect(self.refresh)

    def _on_unfold(self, shown: bool) -> None:
        self._more.setVisible(shown)
        self.unfold.setText("Advanced ▾" if shown else "Advanced ▸")

    def _on_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Where to keep trainings")
        if folder:
            self._status.set_options(folder=Path(folder))

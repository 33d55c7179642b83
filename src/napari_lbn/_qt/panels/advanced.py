"""What most runs leave as it is: binning, increment, gaps, sign of the angles."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QPushButton, QVBoxLayout, QWidget

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.tilt_series import TiltSeries

from ..command_line import command_line, why_no_command
from ..session import Session
from ..theme import add_row, explain, form
from .fields import count, number
from .series import format_step

AUTOMATIC = "automatic"
FILTERS = {
    "ramp": "Exact, and noisy",
    "hamming": "Somewhat smoother",
    "cosine": "Smooth",
    "none": "Unfiltered back-projection: blurred",
}


def automatic_increment(series: TiltSeries) -> str:
    """Says which increment "automatic" is."""
    try:
        return f"{AUTOMATIC} ({format_step(series.increment)})"
    except LBNError:  # fewer than two tilts left
        return AUTOMATIC


class AdvancedPanel(QWidget):
    """Fields that fold away."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._make_fields()
        self.unfold = QPushButton("Advanced ▸")
        self.unfold.setCheckable(True)
        self.unfold.setFlat(True)
        self.unfold.setStyleSheet(
            "text-align: left; background: transparent; border: none; padding: 2px;"
        )
        self._fields = QWidget()
        fields = form()
        add_row(fields, "Binning", self.binning)
        add_row(fields, "Increment", self.increment)
        add_row(fields, "Filter", self.filter)
        for widget in (self.fill_gaps, self.invert, self.copy):
            fields.addRow(widget)
        self._fields.setLayout(fields)
        self._fields.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.unfold)
        layout.addWidget(self._fields)
        self.unfold.toggled.connect(self._on_unfold)
        self.binning.valueChanged.connect(lambda v: session.set_options(binning=v or None))
        self.increment.valueChanged.connect(lambda v: session.set_options(increment=v or None))
        self.filter.currentTextChanged.connect(lambda name: session.set_options(filter=name))
        self.fill_gaps.toggled.connect(lambda on: session.set_options(fill_gaps=on))
        self.invert.toggled.connect(self._on_invert)
        self.copy.clicked.connect(self._copy_command)

    def refresh(self) -> None:
        """Show the session's state in the fields."""
        session = self._session
        series, options, planned = session.series, session.options, session.planned
        shown = (self.binning, self.increment, self.filter, self.fill_gaps, self.invert)
        blockers = [QSignalBlocker(field) for field in shown]
        self.binning.setValue(options.binning or 0)
        self.increment.setValue(options.increment or 0.0)
        self.filter.setCurrentText(options.filter)
        self.fill_gaps.setChecked(options.fill_gaps)
        if planned is not None and options.binning is None:
            self.binning.setSpecialValueText(f"{AUTOMATIC} ({planned.plan.binning:g}×)")
        if series is not None:
            self.invert.setChecked(series.inverted)
            self.increment.setSpecialValueText(automatic_increment(series))
            no_command = why_no_command(series)
            why_not = no_command or "Estimating…"
            ready = not no_command and planned is not None
            tip = "The same correction without a screen: napari-lbn correct …"
            explain(self.copy, ready, why_not, tip)
        del blockers

    def _make_fields(self) -> None:
        self.binning = count(
            low=0,
            high=64,
            suffix="×",
            tip="How many pixels become one (anti-aliased). Automatic brings the series to a "
            "pixel size that the weights know.",
            special=AUTOMATIC,
        )
        self.increment = number(
            low=0.0,
            high=30.0,
            decimals=2,
            suffix="°",
            tip="Angle between synthesized tilts; automatic is the median step of the series",
            special=AUTOMATIC,
        )
        self.filter = QComboBox()
        for name, tip in FILTERS.items():
            self.filter.addItem(name)
            self.filter.setItemData(self.filter.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.filter.setToolTip("Filter of the back-projection; all but the ramp smooth")
        self.fill_gaps = QCheckBox("Synthesize interior gaps too")
        self.fill_gaps.setToolTip("Gaps between tilts wider than 1.5 median steps")
        self.invert = QCheckBox("Invert tilt angles")
        self.invert.setToolTip(
            "Change the sign of every angle, for packages that count the other way. It mirrors "
            "the tomogram in z and is recorded in the outputs."
        )
        self.copy = QPushButton("Copy as command line")

    def _on_unfold(self, shown: bool) -> None:
        self._fields.setVisible(shown)
        self.unfold.setText("Advanced ▾" if shown else "Advanced ▸")

    def _on_invert(self, inverted: bool) -> None:
        series = self._session.series
        if series is not None and series.inverted != inverted:
            self._session.update_series(series.with_inverted_angles())

    def _copy_command(self) -> None:
        session = self._session
        clipboard = QApplication.clipboard()
        if session.series is not None and session.planned is not None and clipboard is not None:
            plan = session.planned.plan
            clipboard.setText(command_line(session.series, session.options, plan, session.alpha))

"""What the correction is told: pixel size, thickness, weights, device, and the rest."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_lbn.engine.errors import LBNError

from ..engine import Choice
from ..session import ANGSTROM_PER_NM, MIN_THICKNESS, Session
from ..theme import WARNING_COLOUR, caption, form

AUTOMATIC = "automatic"
LOADING = "looking…"


def number(
    *, low: float, high: float, decimals: int, suffix: str, tip: str, special: str = ""
) -> QDoubleSpinBox:
    """A number field; `special` is shown at the lowest value, which then means "not set"."""
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(decimals)
    spin.setSuffix(suffix)
    spin.setToolTip(tip)
    spin.setSpecialValueText(special)
    spin.setKeyboardTracking(False)
    spin.setMinimumWidth(60)
    return spin


def choices(tip: str) -> QComboBox:
    """A combo box that never widens the dock and is filled later."""
    combo = QComboBox()
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    combo.addItem(LOADING, "")
    combo.setEnabled(False)
    combo.setToolTip(tip)
    return combo


class SettingsPanel(QWidget):
    """Fields for the session's options and for what the file could not tell."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._make_fields()
        self._device_label = caption()
        self._device_label.setStyleSheet(f"color: {WARNING_COLOUR};")
        self._device_label.hide()
        self._device_choices: Sequence[Choice] = ()
        self._lay_out()
        self._connect()
        self.refresh()

    def set_weights(self, entries: Sequence[Choice]) -> None:
        """Offer these weights; the first one is taken."""
        self._fill(self.weights, entries, "No weights were found.")
        if entries:
            self._session.set_options(weights=self.weights.currentData())

    def set_devices(self, entries: Sequence[Choice], preferred: str = "auto") -> None:
        """Offer these devices and choose the preferred one where it is there."""
        self._device_choices = entries
        self._fill(self.device, entries, "No device was found.")
        index = self.device.findData(preferred)
        if index >= 0:
            self.device.setCurrentIndex(index)
        self._on_device()

    def refresh(self, *_: object) -> None:
        """Show the session's state in the fields."""
        series, options = self._session.series, self._session.options
        self.setEnabled(series is not None and not self._session.running)
        pixel_size = None if series is None else series.pixel_size
        working = self._working_pixel_size()
        fields = (self.pixel_size, self.thickness_px, self.thickness_nm, self.binning)
        blockers = [QSignalBlocker(field) for field in (*fields, self.increment, self.invert)]
        self.pixel_size.setValue(pixel_size or 0.0)
        missing = series is not None and pixel_size is None
        self.pixel_size.setStyleSheet(f"border: 1px solid {WARNING_COLOUR};" if missing else "")
        self.thickness_px.setValue(options.thickness(working))
        self.thickness_nm.setValue(options.thickness_nm)
        self.thickness_nm.setVisible(pixel_size is not None)
        self.binning.setValue(options.binning or 0)
        self.increment.setValue(options.increment or 0.0)
        self.binning.setSpecialValueText(self._automatic_binning())
        if series is not None:
            self.invert.setChecked(series.inverted)
            self.increment.setSpecialValueText(self._automatic_increment())
        del blockers

    def _make_fields(self) -> None:
        self.pixel_size = number(
            low=0.0,
            high=1000.0,
            decimals=3,
            suffix=" Å",
            tip="Pixel size of the tilt series as it is in the file",
            special="unknown",
        )
        self.thickness_px = QSpinBox()
        self.thickness_px.setRange(MIN_THICKNESS, 8192)
        self.thickness_px.setSuffix(" px")
        self.thickness_px.setKeyboardTracking(False)
        self.thickness_px.setToolTip(
            "Thickness of the tomogram, in pixels after binning. Take a little more than the ice."
        )
        self.thickness_nm = number(
            low=1.0, high=10000.0, decimals=1, suffix=" nm", tip="The same thickness in nm"
        )
        self.weights = choices("The pretrained network")
        self.device = choices("Where the network runs")
        self.binning = QSpinBox()
        self.binning.setRange(0, 64)
        self.binning.setSuffix("×")
        self.binning.setSpecialValueText(AUTOMATIC)
        self.binning.setKeyboardTracking(False)
        self.binning.setToolTip(
            "How many pixels become one (anti-aliased). Automatic brings the series to a pixel "
            "size that the weights know."
        )
        self.increment = number(
            low=0.0,
            high=30.0,
            decimals=2,
            suffix="°",
            tip="Angle between synthesized tilts; automatic is the median step of the series",
            special=AUTOMATIC,
        )
        self.fill_gaps = QCheckBox("Synthesize interior gaps too")
        self.fill_gaps.setToolTip("Gaps between tilts wider than 1.5 median steps")
        self.invert = QCheckBox("Invert tilt angles")
        self.invert.setToolTip(
            "Change the sign of every angle, for packages that count the other way. It mirrors "
            "the tomogram in z and is recorded in the outputs."
        )

    def _lay_out(self) -> None:
        thickness = QHBoxLayout()
        thickness.addWidget(self.thickness_px, 1)
        thickness.addWidget(self.thickness_nm, 1)
        fields = form()
        fields.addRow("Pixel size", self.pixel_size)
        fields.addRow("Thickness", thickness)
        fields.addRow("Weights", self.weights)
        fields.addRow("Device", self.device)
        fields.addRow(self._device_label)
        self._more = QPushButton("Advanced ▸")
        self._more.setCheckable(True)
        self._more.setFlat(True)
        self._more.setStyleSheet(
            "text-align: left; background: transparent; border: none; padding: 2px;"
        )
        self._advanced = QWidget()
        advanced = form()
        advanced.addRow("Binning", self.binning)
        advanced.addRow("Increment", self.increment)
        advanced.addRow(self.fill_gaps)
        advanced.addRow(self.invert)
        self._advanced.setLayout(advanced)
        self._advanced.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(fields)
        layout.addWidget(self._more)
        layout.addWidget(self._advanced)

    def _connect(self) -> None:
        session = self._session
        session.series_changed.connect(self.refresh)
        session.options_changed.connect(self.refresh)
        session.planned_changed.connect(self.refresh)
        session.running_changed.connect(self.refresh)
        self.pixel_size.valueChanged.connect(self._on_pixel_size)
        self.thickness_px.valueChanged.connect(self._on_thickness_px)
        self.thickness_nm.valueChanged.connect(lambda v: session.set_options(thickness_nm=v))
        self.weights.activated.connect(
            lambda _: session.set_options(weights=self.weights.currentData())
        )
        self.device.activated.connect(self._on_device)
        self.binning.valueChanged.connect(lambda v: session.set_options(binning=v or None))
        self.increment.valueChanged.connect(lambda v: session.set_options(increment=v or None))
        self.fill_gaps.toggled.connect(lambda on: session.set_options(fill_gaps=on))
        self.invert.toggled.connect(self._on_invert)
        self._more.toggled.connect(self._on_more)

    def _on_more(self, shown: bool) -> None:
        self._advanced.setVisible(shown)
        self._more.setText("Advanced ▾" if shown else "Advanced ▸")

    def _on_pixel_size(self, value: float) -> None:
        series = self._session.series
        if series is not None:
            self._session.update_series(series.with_pixel_size(value or None))

    def _on_thickness_px(self, value: int) -> None:
        working = self._working_pixel_size()
        if working is None:
            self._session.set_options(thickness_px=value)
        else:
            self._session.set_options(thickness_nm=value * working / ANGSTROM_PER_NM)

    def _on_invert(self, inverted: bool) -> None:
        series = self._session.series
        if series is not None and series.inverted != inverted:
            self._session.update_series(series.with_inverted_angles())

    def _on_device(self, *_: object) -> None:
        value = self.device.currentData() or "auto"
        detail = next((c.detail for c in self._device_choices if c.value == value), "")
        on_cpu = detail.startswith("CPU")
        self._device_label.setText(f"Runs on the {detail}.")
        self._device_label.setVisible(on_cpu)
        self.device.setToolTip(detail or "Where the network runs")
        self._session.set_options(device=value)

    def _working_pixel_size(self) -> float | None:
        """Pixel size after binning; the series' own until a plan says otherwise."""
        series, planned = self._session.series, self._session.planned
        if series is None or series.pixel_size is None:
            return None
        if planned is not None:
            return float(planned.plan.pixel_size)
        return series.pixel_size * (self._session.options.binning or self._last_binning)

    @property
    def _last_binning(self) -> float:
        planned = self._session.last_plan
        return 1.0 if planned is None else float(planned.binning)

    def _automatic_binning(self) -> str:
        planned = self._session.planned
        if planned is None or self._session.options.binning is not None:
            return AUTOMATIC
        return f"{AUTOMATIC} ({planned.plan.binning:g}×)"

    def _automatic_increment(self) -> str:
        assert self._session.series is not None
        try:
            return f"{AUTOMATIC} ({self._session.series.increment:g}°)"
        except LBNError:  # fewer than two tilts left
            return AUTOMATIC

    @staticmethod
    def _fill(combo: QComboBox, entries: Sequence[Choice], why_not: str) -> None:
        combo.clear()
        for entry in entries:
            combo.addItem(entry.label, entry.value)
            combo.setItemData(combo.count() - 1, entry.detail, 3)  # Qt.ToolTipRole
        combo.setEnabled(bool(entries))
        if not entries:
            combo.addItem("none", "")
            combo.setToolTip(why_not)

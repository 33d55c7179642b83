"""Regions with a high spread are masked in the displayed tomogram, for the display only."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_lbn._napari.views import SHOWN

from ..session import Session
from ..theme import add_row, caption, explain, form

NO_SPREAD = "Measure the disagreement first."
NO_TOMOGRAM = "Correct the missing wedge first, with the same settings."
TIP = "For the display only: saved tomograms are whole. Untick to see everything again"
THRESHOLD_TIP = (
    "Spread above which a region is masked, relative to the strength of what the synthesized "
    "tilts add there"
)
AT_FIRST = 0.9
"""Share of the voxels that are not masked at first."""
HIGHEST = 0.9995
"""Share of the voxels below the slider's end."""


class MaskPanel(QWidget):
    """A switch, a threshold, and what is shown in the masked regions.

    Signals
    -------
    noted(str)
        What the canvas should say about the mask; empty for none.
    """

    noted = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._masked: Any = None
        self._layers: Any = None  # on which it lies: those of a run that another may follow
        self.switch = QCheckBox("Mask regions with a high spread")
        self.threshold = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.threshold.setDecimals(2)
        self.threshold.setRange(0.0, 1.0)
        self.threshold.setAccessibleName("Spread above which is masked")
        self.threshold.setToolTip(THRESHOLD_TIP)
        self.instead = QComboBox()
        self.instead.addItem("show plain WBP there", False)
        self.instead.addItem("show nothing there", True)
        self.share = caption()
        self._rows = QWidget()
        rows = form()
        self._rows.setLayout(rows)
        add_row(rows, "Above", self.threshold)
        add_row(rows, "Masked", self.instead)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.switch)
        layout.addWidget(self._rows)
        layout.addWidget(self.share)
        self.switch.toggled.connect(self._on_switch)
        self.instead.currentIndexChanged.connect(self._on_switch)
        self.threshold.valueChanged.connect(self._on_threshold)
        session.spread_changed.connect(self._on_spread)
        session.result_changed.connect(self._on_result)
        session.view_changed.connect(self._note)
        self.refresh()

    def refresh(self) -> None:
        """Enable what there is something to mask for."""
        spread, layers = self._session.spread, self._session.layers
        ready = spread is not None and spread.fits(layers) and layers.layer("lbn") is not None
        if not ready:
            self.take_off()
        why = NO_SPREAD if spread is None else NO_TOMOGRAM
        explain(self.switch, ready, why, TIP)
        on = ready and self.switch.isChecked()
        self.share.setText(self._describe() if on else "")
        for widget in (self._rows, self.share):
            widget.setVisible(on)

    def take_off(self) -> None:
        """Show the tomogram whole."""
        self._masked = None
        if self.switch.isChecked():
            self.switch.setChecked(False)

    def _describe(self) -> str:
        share = self._session.spread.share_above(self.threshold.value())
        return f"{100 * share:.1f} % of the voxels are masked, on the screen only."

    def _on_spread(self, spread: Any) -> None:
        """Another disagreement: its own range, and no mask until it is asked for."""
        self.take_off()
        if spread is not None:
            self.threshold.blockSignals(True)
            self.threshold.setRange(0.0, max(spread.quantile(HIGHEST), 0.01))
            self.threshold.setValue(spread.quantile(AT_FIRST))
            self.threshold.blockSignals(False)
        self.refresh()

    def _on_result(self, *_: object) -> None:
        """Another tomogram is shown whole."""
        self.take_off()
        self.refresh()

    def _on_switch(self, *_: object) -> None:
        spread, layers = self._session.spread, self._session.layers
        on = self.switch.isChecked() and spread is not None and spread.fits(layers)
        if on:
            blank = bool(self.instead.currentData())
            self._masked = spread.masked(layers, self.threshold.value(), blank=blank)
            layers.show_masked(self._masked)
            self._layers = layers
        elif self._layers is not None:
            self._masked = None
            self._layers.show_masked(None)
            self._layers = None
        self._note()
        self.refresh()

    def _on_threshold(self, value: float) -> None:
        if self._masked is not None:
            self._masked.threshold = value
            self._session.layers.refresh(("lbn",))
            self._note()
        self.refresh()

    def _note(self, *_: object) -> None:
        on = self._masked is not None and "lbn" in SHOWN[self._session.view]
        self.noted.emit(f"Masked: spread above {self.threshold.value():.2f}" if on else "")

"""What the learned filter is told: what to learn from, which filter, how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_lbn._napari.layers import thickness_in_pixels
from napari_lbn._napari.metadata import kind_of, series_of

from ..eliding import ElidingCombo
from ..panels.fields import count
from ..theme import SPACING, add_row, explain, form
from .jobs import FilterOptions

SIMULATED = "simulated volumes"
VARIANTS = {
    "plane-2d": "one for all tilts",
    "tilt-2d": "one for each tilt",
    "3d": "over tilts too (3-D)",
    "separable": "β₁ over tilts ∗ β₂ in the plane",
    "tilt-1d": "β₁ over tilts alone",
    "radial": "of the radius alone",
}
INITIALS = {"ramp": "ramp", "symmetric-ramp": "symmetric ramp", "zero": "zero"}
SOURCE_TIP = (
    "A series teaches by its own held-out tilts, simulated volumes by their truth. "
    "The filter is applied to the series that is chosen here."
)
OWN_SIZE = "Simulated volumes have a size of their own."
STEPS, HIGHEST_STEPS = 100, 100_000
THINNEST, THICKEST = 4, 8192
COMFORTABLE_WIDTH = 1024
"""Pixels; wider tilts are binned unless the user says otherwise."""
MOST_BINNING = 32
BINNING_TIP = "Tilts are Fourier-cropped by this factor, to learn from and to apply to"


class FilterFields(QWidget):
    """The form at the top of the dock.

    Signals
    -------
    source_changed()
        Another series, or simulated volumes, are chosen.
    """

    source_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._by_user = False
        self.source, self.variant, self.initial = ElidingCombo(), ElidingCombo(), ElidingCombo()
        self.source.setToolTip(SOURCE_TIP)
        self.variant.setToolTip("What the filter depends on")
        self.initial.setToolTip("Where learning starts")
        for combo, entries in ((self.variant, VARIANTS), (self.initial, INITIALS)):
            for name, text in entries.items():
                combo.addItem(text, name)
        self.steps = count(low=1, high=HIGHEST_STEPS, suffix=" steps", tip="Updates of the filter")
        self.steps.setValue(STEPS)
        self.thickness = count(low=THINNEST, high=THICKEST, suffix=" px", tip="")
        self.binning = count(low=1, high=MOST_BINNING, suffix=" ×", tip="")
        self.padding = QCheckBox("Mirror tilts beyond their edges")
        self.padding.setToolTip("Against what filtering brings in from the opposite edge")
        self._lay_out()
        self.source.activated.connect(self._on_choice)
        self.source.currentIndexChanged.connect(self._on_source)
        self.binning.valueChanged.connect(self._on_binning)

    def _lay_out(self) -> None:
        rows = form()
        add_row(rows, "Learn from", self.source)
        add_row(rows, "Filter", self.variant)
        add_row(rows, "Start", self.initial)
        add_row(rows, "Training", self.steps)
        add_row(rows, "Binning", self.binning)
        add_row(rows, "Thickness", self.thickness)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(rows)
        layout.addWidget(self.padding)

    @property
    def series(self) -> Any:
        """The chosen tilt series, None for simulated volumes."""
        layer = self.source.currentData()
        return None if layer is None else series_of(layer)

    @property
    def file(self) -> Path | None:
        """The file of the chosen series; None where there is none."""
        series = self.series
        return None if series is None else series.source

    @property
    def origin(self) -> str:
        """What is learned from, in words; kept with the filter."""
        series = self.series
        return SIMULATED if series is None else f"held-out tilts of {series.name}"

    @property
    def options(self) -> FilterOptions:
        """What is asked for now."""
        return FilterOptions(
            variant=self.variant.currentData(),
            initial=self.initial.currentData(),
            padding=self.padding.isChecked(),
            steps=self.steps.value(),
            thickness=self.thickness.value(),
            binning=self.binning.value(),
        )

    def offer(self, layers: Any) -> None:
        """Offer the tilt series among these layers; an open one is chosen before simulations."""
        before = self.source.currentData()
        series = [layer for layer in layers if kind_of(layer) == "tilt series"]
        self.source.blockSignals(True)
        self.source.clear()
        for layer in series:
            self.source.addItem(layer.name, layer)
        self.source.addItem(SIMULATED, None)
        kept = next((i for i, layer in enumerate(series) if layer is before), None)
        simulated = before is None and self._by_user
        self.source.setCurrentIndex(len(series) if simulated else kept or 0)
        self.source.blockSignals(False)
        if self.source.currentData() is not before or not series:
            self._on_source()

    def _on_choice(self, _index: int) -> None:
        self._by_user = True

    def _on_source(self, _index: int = 0) -> None:
        series = self.series
        explain(self.thickness, series is not None, OWN_SIZE, "Of the tomogram, binned pixels")
        explain(self.binning, series is not None, OWN_SIZE, BINNING_TIP)
        if series is not None:
            width = series.image_shape[1]
            self.binning.setValue(min(-(-width // COMFORTABLE_WIDTH), MOST_BINNING))
            self._on_binning()
        self.source_changed.emit()

    def _on_binning(self, _value: int = 0) -> None:
        """The thickness is counted in binned pixels."""
        series, binning = self.series, self.binning.value()
        if series is not None:
            size = series.pixel_size
            pixels = thickness_in_pixels(None if size is None else size * binning)
            self.thickness.setValue(pixels // binning if size is None else pixels)

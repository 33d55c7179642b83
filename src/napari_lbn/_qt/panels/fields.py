"""Fields that the panels are made of."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox

from ..eliding import ElidingCombo
from ..engine import Choice

LOADING = "looking…"
AVERAGE_TIP = "Sections on the screen are averaged over this many pixels; the data is not changed"
WIDEST_AVERAGE = 51
NARROW = 60
"""Pixels: a number field may become this narrow."""


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
    spin.setMinimumWidth(NARROW)
    return spin


def count(*, low: int, high: int, suffix: str, tip: str, special: str = "") -> QSpinBox:
    """The same for whole numbers."""
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setSuffix(suffix)
    spin.setToolTip(tip)
    spin.setSpecialValueText(special)
    spin.setKeyboardTracking(False)
    spin.setMinimumWidth(NARROW)
    return spin


def average_box(pixels: int) -> QSpinBox:
    """Over how many pixels displayed sections are averaged; take its value | 1, which is odd."""
    spin = QSpinBox()
    spin.setRange(1, WIDEST_AVERAGE)
    spin.setSingleStep(2)
    spin.setValue(pixels)
    spin.setPrefix("mean of ")
    spin.setSuffix(" px")
    spin.setToolTip(AVERAGE_TIP)
    spin.setMinimumWidth(NARROW)
    return spin


def choices(tip: str) -> QComboBox:
    """A combo box that never widens the dock and is filled later."""
    combo = ElidingCombo()
    combo.addItem(LOADING, "")
    combo.setEnabled(False)
    combo.setToolTip(tip)
    return combo


def fill(combo: QComboBox, entries: Sequence[Choice], why_not: str) -> None:
    """Offer these entries; where there are none, say why."""
    combo.clear()
    for entry in entries:
        combo.addItem(entry.label, entry.value)
        combo.setItemData(combo.count() - 1, entry.detail, Qt.ItemDataRole.ToolTipRole)
    combo.setEnabled(bool(entries))
    if not entries:
        combo.addItem("none", "")
        combo.setToolTip(why_not)

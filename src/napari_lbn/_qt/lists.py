"""Lists in a dock: rows with room for a tick, and no higher than what is in them."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from .theme import OUTLINE_COLOUR

PADDING = 6
"""Pixels that a row has beside its text: Qt would let ticks touch each other."""
FRAME = 4
"""Pixels around the rows."""


def ticked_list() -> QListWidget:
    """An empty list whose rows get ticks.

    Empty boxes have an outline: in napari's dark theme they could not be seen. Only they are
    styled, since the tick itself is drawn by Qt.
    """
    rows = QListWidget()
    rows.setStyleSheet(
        "QListView::indicator:unchecked {"
        f" border: 1px solid {OUTLINE_COLOUR}; border-radius: 2px; width: 11px; height: 11px; }}"
    )
    return rows


def row_height(rows: QListWidget) -> int:
    """Pixels of one row."""
    return rows.fontMetrics().height() + PADDING


def add_row_to(rows: QListWidget, item: QListWidgetItem) -> None:
    """Append an item."""
    item.setSizeHint(QSize(0, row_height(rows)))
    rows.addItem(item)


def fit_height(rows: QListWidget, most: int, fewest: int = 1) -> None:
    """As high as its rows, between two numbers of them; more scroll."""
    shown = min(max(rows.count(), fewest), most)
    rows.setFixedHeight(shown * row_height(rows) + FRAME)

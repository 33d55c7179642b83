"""Long names in narrow docks: both ends are seen, the whole name is at hand."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import QEvent, QPoint
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QApplication, QToolTip

from napari_lbn._qt.eliding import ElidingButton, ElidingCombo

NAME = "2026-11-03_grid7_square12_position02_aligned_bin8_dose-weighted_TS254"
WIDTH = 200


def combo() -> ElidingCombo:
    made = ElidingCombo()
    made.addItems(["TS1", NAME])
    made.setCurrentIndex(1)
    return made


def button() -> ElidingButton:
    made = ElidingButton()
    made.setText(NAME)
    return made


@pytest.mark.parametrize("make", [combo, button])
def test_the_ends_of_a_long_name_are_seen_and_all_of_it_in_the_tooltip(
    make: Any, qtbot: Any
) -> None:
    widget = make()
    qtbot.addWidget(widget)
    widget.setToolTip("What it is")
    widget.resize(WIDTH, widget.sizeHint().height())
    widget.show()
    start, end = widget.shown_text.split("…")
    assert NAME.startswith(start)
    assert NAME.endswith(end)
    assert widget.fontMetrics().horizontalAdvance(widget.shown_text) < WIDTH
    assert not widget.grab().isNull()
    inside = QPoint(5, 5)
    asked = QHelpEvent(QEvent.Type.ToolTip, inside, widget.mapToGlobal(inside))
    QApplication.sendEvent(widget, asked)
    assert QToolTip.text() == f"{NAME}\nWhat it is"
    widget.resize(1200, widget.height())
    assert widget.shown_text == NAME
    assert widget.whole_tip == "What it is"


def test_a_combo_is_no_wider_for_its_entries_but_its_list_is(qtbot: Any) -> None:
    widget = combo()
    qtbot.addWidget(widget)
    widget.resize(WIDTH, widget.sizeHint().height())
    widget.show()
    widget.showPopup()
    entries = widget.view()
    assert entries is not None
    assert entries.width() >= entries.fontMetrics().horizontalAdvance(NAME)
    assert widget.width() == WIDTH
    widget.hidePopup()

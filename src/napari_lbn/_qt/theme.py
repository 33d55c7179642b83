"""Small pieces that the panels share: rows, captions, colours."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QGroupBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

WARNING_COLOUR = "#e0a030"
ERROR_COLOUR = "#e05050"
SPACING = 6


def caption(text: str = "") -> QLabel:
    """A line of explanation: wraps, can be selected, never widens the dock."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def group(title: str) -> tuple[QGroupBox, QVBoxLayout]:
    """A titled section and its layout."""
    box = QGroupBox(title)
    layout = QVBoxLayout(box)
    layout.setContentsMargins(8, 8, 8, 8)
    layout.setSpacing(SPACING)
    return box, layout


def form() -> QFormLayout:
    """A two-column form whose fields take the width that is left."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACING)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return layout


def explain(widget: QWidget, enabled: bool, why_not: str, tip: str = "") -> None:
    """Enable a control, or disable it and let its tooltip say why."""
    widget.setEnabled(enabled)
    widget.setToolTip(tip if enabled else why_not)

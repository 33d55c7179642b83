"""Small pieces that the panels share: rows, captions, colours."""

from __future__ import annotations

import math
from functools import partial

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QResizeEvent, QTextDocument
from qtpy.QtWidgets import (
    QFormLayout,
    QGroupBox,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

WARNING_COLOUR = "#bb7518"
"""Also of text: it can be read on the grounds of napari's dark and light themes."""
ERROR_COLOUR = "#e05050"
INFORMATION_COLOUR = "#4c9be8"
OUTLINE_COLOUR = "#7a828c"
"""Of a field that napari's themes leave without one."""
SPACING = 6
WIDEST_LABEL = "Tomogram"
NARROWEST = 200
"""Pixels of width for which a text is laid out before it was shown."""


class Caption(QLabel):
    """A text that wraps, can be selected, never widens the dock and is as high as it needs.

    Qt guesses the height of wrapped text from a width of its own, which makes a scroll area
    scroll over nothing.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setIndent(0)  # or its height depends on whether a theme gives it a frame
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """As it will be drawn, by a document: Qt's own guess is up to three lines more."""
        margins = self.contentsMargins()
        document = QTextDocument()
        document.setDefaultFont(self.font())
        document.setDocumentMargin(0)
        if Qt.mightBeRichText(self.text()):
            document.setHtml(self.text())
        else:
            document.setPlainText(self.text())
        document.setTextWidth(width - margins.left() - margins.right())
        return math.ceil(document.size().height()) + margins.top() + margins.bottom()

    def sizeHint(self) -> QSize:  # noqa: N802
        """No width asked for; the height that the text takes at the width it has."""
        return QSize(0, self.heightForWidth(max(self.width(), NARROWEST)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Never less than the whole text."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Another width asks for another height."""
        super().resizeEvent(event)
        self.updateGeometry()


def caption(text: str = "") -> Caption:
    """A line of explanation."""
    return Caption(text)


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


def add_row(layout: QFormLayout, label: str, field: QWidget | QLayout) -> None:
    """Add a labelled field; labels are as wide in every form, so that fields line up."""
    text = QLabel(label)
    text.setMinimumWidth(text.fontMetrics().horizontalAdvance(WIDEST_LABEL) + SPACING)
    layout.addRow(text, field)


def show_text(label: QLabel, text: str) -> None:
    """Show a text; a label without one takes no room."""
    label.setText(text)
    label.setVisible(bool(text))


def explain(widget: QWidget, enabled: bool, why_not: str, tip: str = "") -> None:
    """Enable a control, or disable it and let its tooltip say why."""
    widget.setEnabled(enabled)
    widget.setToolTip(tip if enabled else why_not)


def bring_into_view(widget: QWidget) -> None:
    """Scroll the dock to a widget, once it is laid out."""
    area = widget.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    if area is not None:
        timer = QTimer(area)  # goes with the area, which may be gone by then
        timer.setSingleShot(True)
        timer.timeout.connect(partial(area.ensureWidgetVisible, widget))
        timer.timeout.connect(timer.deleteLater)
        timer.start(0)

"""Widgets whose text may be a long name: cut in the middle with "…", whole in the tooltip.

Qt itself clips such texts, or widens the dock for them.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QRect, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
    QWidget,
)


def elide(widget: QWidget, text: str, width: int) -> str:
    """A text as it fits into this many pixels; its ends, which differ, stay."""
    return widget.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, width)


def whole_text(text: str, shown: str, tip: str) -> str:
    """The tooltip of a widget that shows a text, or what fits of it."""
    return tip if shown == text else f"{text}\n{tip}".strip()


class ElidingButton(QPushButton):
    """A button that is as wide as the dock, however long its text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @property
    def shown_text(self) -> str:
        """What fits of the text."""
        return elide(self, self.text(), self._room().width())

    @property
    def whole_tip(self) -> str:
        """The tooltip, with the text where that is cut."""
        return whole_text(self.text(), self.shown_text, self.toolTip())

    def event(self, event: QEvent | None) -> bool:
        """Show the whole text in the tooltip."""
        return tell(self, event) or super().event(event)

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draw what fits."""
        option = self._option()
        option.text = self.shown_text
        QStylePainter(self).drawControl(QStyle.ControlElement.CE_PushButton, option)

    def _option(self) -> QStyleOptionButton:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        return option

    def _room(self) -> QRect:
        element = QStyle.SubElement.SE_PushButtonContents
        style = self.style()
        return QRect() if style is None else style.subElementRect(element, self._option(), self)


class ElidingCombo(QComboBox):
    """A combo box that never widens the dock; its list is as wide as its longest entry."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @property
    def shown_text(self) -> str:
        """What fits of the entry chosen now."""
        return elide(self, self.currentText(), self._room().width())

    @property
    def whole_tip(self) -> str:
        """The tooltip, with the entry where that is cut."""
        return whole_text(self.currentText(), self.shown_text, self.toolTip())

    def event(self, event: QEvent | None) -> bool:
        """Show the whole entry in the tooltip."""
        return tell(self, event) or super().event(event)

    def showPopup(self) -> None:  # noqa: N802
        """Open the list, wide enough for every entry."""
        entries = self.view()
        if entries is not None:
            entries.setMinimumWidth(entries.sizeHintForColumn(0) + 2 * entries.frameWidth())
        super().showPopup()

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draw what fits."""
        option, painter = self._option(), QStylePainter(self)
        option.currentText = self.shown_text
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return option

    def _room(self) -> QRect:
        control, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        style, option = self.style(), self._option()
        return QRect() if style is None else style.subControlRect(control, option, part, self)


def tell(widget: Any, event: Any) -> bool:
    """Show `whole_tip` of a widget where this event asks for its tooltip."""
    asked = event is not None and event.type() == QEvent.Type.ToolTip
    if asked:
        QToolTip.showText(event.globalPos(), widget.whole_tip, widget)
    return bool(asked)

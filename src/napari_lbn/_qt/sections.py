"""The scrolling column that a dock is made of, and the one of titled sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from .background import soon
from .tabs import join_tabs
from .theme import group


class Column(QScrollArea):
    """Widgets from top to bottom, as wide as the dock; what is too high scrolls.

    Parameters
    ----------
    dock : QWidget
        Filled with the column.
    widgets : iterable of QWidget
        From top to bottom.
    height : QSizePolicy.Policy
        "Minimum" never lowers a widget: the area scrolls instead.

    Attributes
    ----------
    placed : bool
        The dock has its place in a window, where others may join it as tabs.
    """

    def __init__(
        self,
        dock: QWidget,
        widgets: Iterable[QWidget],
        height: QSizePolicy.Policy = QSizePolicy.Policy.Preferred,
    ) -> None:
        super().__init__()
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(6, 6, 6, 6)
        for widget in widgets:
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(body)
        body.setSizePolicy(QSizePolicy.Policy.Ignored, height)
        layout = QVBoxLayout(dock)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self)
        self._shown = self.placed = False
        # napari is in the middle of placing the dock when it is shown
        self._join = soon(self, self._join_tabs)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """For the first time: become a tab beside the plugin's other docks."""
        super().showEvent(event)
        if not self._shown:
            self._shown = True
            self._join.start()

    def _join_tabs(self) -> None:
        join_tabs(self, lambda widget: isinstance(widget, Column) and widget.placed)
        self.placed = True

    def scroll_up(self) -> None:
        """To the top."""
        bar = self.verticalScrollBar()
        if bar is not None:
            bar.setValue(0)


class Sections(Column):
    """Titled boxes with panels.

    Parameters
    ----------
    dock : QWidget
        Filled with the sections.
    content : sequence
        Titles, each with its panels.
    """

    def __init__(self, dock: QWidget, content: Sequence[tuple[str, Sequence[QWidget]]]) -> None:
        self.boxes: dict[str, QWidget] = {}
        for title, panels in content:
            box, layout = group(title)
            for panel in panels:
                layout.addWidget(panel)
            self.boxes[title] = box
        super().__init__(dock, self.boxes.values())

    def show_only(self, visible: Mapping[str, bool]) -> None:
        """Show or hide the sections that are named."""
        for title, seen in visible.items():
            self.boxes[title].setVisible(seen)

    def put_first(self, title: str) -> None:
        """Move a section to the top."""
        self.column.insertWidget(0, self.boxes[title])

"""The scrolling column of titled sections that a training dock is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from ..theme import group


class Sections(QScrollArea):
    """Titled boxes with panels, from top to bottom.

    Parameters
    ----------
    content : sequence
        Titles, each with its panels.
    """

    def __init__(self, content: Sequence[tuple[str, Sequence[QWidget]]]) -> None:
        super().__init__()
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(6, 6, 6, 6)
        self.boxes: dict[str, QWidget] = {}
        for title, panels in content:
            box, layout = group(title)
            for panel in panels:
                layout.addWidget(panel)
            self.column.addWidget(box)
            self.boxes[title] = box
        self.column.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(body)
        body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_only(self, visible: Mapping[str, bool]) -> None:
        """Show or hide the sections that are named."""
        for title, seen in visible.items():
            self.boxes[title].setVisible(seen)

    def put_first(self, title: str) -> None:
        """Move a section to the top."""
        self.column.insertWidget(0, self.boxes[title])

    def scroll_up(self) -> None:
        """To the top."""
        bar = self.verticalScrollBar()
        if bar is not None:
            bar.setValue(0)

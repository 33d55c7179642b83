"""How problems reach the user: notifications, and a list of messages in the dock."""

from __future__ import annotations

import html
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from napari_lbn.engine.errors import LBNError

from .theme import ERROR_COLOUR, INFORMATION_COLOUR, WARNING_COLOUR, caption

COLOURS = {"error": ERROR_COLOUR, "information": INFORMATION_COLOUR}
log = logging.getLogger(__name__)


def notify_error(error: LBNError) -> None:
    """Tell what went wrong and what to do about it, in napari's notification area."""
    from napari.utils.notifications import show_error

    log.error("%s", error)
    show_error(str(error))


def notify_info(text: str) -> None:
    """Tell something that needs no action."""
    from napari.utils.notifications import show_info

    show_info(text)


@contextmanager
def report_problem() -> Iterator[None]:
    """Turn the engine's errors inside the block into notifications."""
    try:
        yield
    except LBNError as error:
        notify_error(error)


class MessageList(QWidget):
    """Messages that stay until what they say is no longer so; takes no room without any."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.texts: list[str] = []
        self.hide()

    def show_messages(self, messages: Sequence[tuple[str, str, str]]) -> None:
        """Show these instead of the ones before.

        Parameters
        ----------
        messages : sequence of (severity, message, remedy)
            Severity "error", "warning" or "information".
        """
        self._clear()
        for severity, message, remedy in messages:
            self.add(severity, message, remedy)

    def add(self, severity: str, message: str, remedy: str = "") -> None:
        """Show one more; one that is there already is not repeated."""
        text = f"{message} {remedy}".strip()
        if text in self.texts:
            return
        self._layout.addWidget(_message(severity, message, remedy))
        self.texts.append(text)
        self.show()

    def _clear(self) -> None:
        while self._layout.count():
            item = self._layout.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.texts = []
        self.hide()


def _message(severity: str, message: str, remedy: str) -> QFrame:
    colour = COLOURS.get(severity, WARNING_COLOUR)
    frame = QFrame()
    frame.setObjectName("lbnMessage")
    frame.setStyleSheet(f"#lbnMessage {{ border-left: 3px solid {colour}; }}")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(8, 2, 2, 2)
    text = html.escape(message)
    label = caption(f"{text}<br><i>{html.escape(remedy)}</i>" if remedy else text)
    label.setTextFormat(Qt.TextFormat.RichText)
    layout.addWidget(label)
    return frame

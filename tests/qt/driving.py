"""What a user does in the docks, and what is told them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QMessageBox

from napari_lbn._qt.dock import MissingWedgeDock

from .conftest import WAIT
from .fake_engine import FakeEngine


@contextmanager
def notifications() -> Iterator[list[str]]:
    """Collects the notifications dispatched inside the block."""
    texts: list[str] = []

    def add(notification: Any) -> None:
        texts.append(notification.message)

    notification_manager.notification_ready.connect(add)
    try:
        yield texts
    finally:
        notification_manager.notification_ready.disconnect(add)


def answers(monkeypatch: pytest.MonkeyPatch, button: QMessageBox.StandardButton) -> list[str]:
    """Gives every question this answer; collects what is asked."""
    asked: list[str] = []

    def question(parent: Any, title: str, text: str, *_: Any) -> QMessageBox.StandardButton:
        asked.append(text)
        return button

    monkeypatch.setattr(QMessageBox, "question", question)
    return asked


def run(qtbot: Any, dock: MissingWedgeDock) -> None:
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)


def wait_for_preview(qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine) -> None:
    qtbot.waitUntil(lambda: "lbn" in dock.views.roles() and engine.started.is_set(), timeout=WAIT)

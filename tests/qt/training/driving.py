"""What a user does in the training dock."""

from __future__ import annotations

from typing import Any

from napari_lbn._qt.training.dock import TrainingDock

from .conftest import LONG


def begin(qtbot: Any, dock: TrainingDock) -> None:
    """Start, and wait for the first step."""
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: dock.status.step > 0, timeout=LONG)


def wait_for_end(qtbot: Any, dock: TrainingDock) -> None:
    qtbot.waitUntil(lambda: not dock.status.running, timeout=LONG)


def run(qtbot: Any, dock: TrainingDock) -> None:
    dock.run_panel.button.click()
    wait_for_end(qtbot, dock)


def is_shown(widget: Any) -> bool:
    return not widget.isHidden()

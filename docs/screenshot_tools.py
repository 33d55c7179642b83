"""Waiting, opening and saving for pictures of the windows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication, QScrollArea

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    import napari
    from napari_lbn._qt.dock import MissingWedgeDock

PLUGIN = "napari-lbn"
SETTLE = 1.0
"""Seconds for the window to draw itself."""


def wait(until: Callable[[], bool], seconds: float) -> float:
    """Keep the window alive until a condition holds; give the seconds that it took."""
    began = time.monotonic()
    while not until() and time.monotonic() - began < seconds:
        QApplication.processEvents()
        time.sleep(0.005)
    return time.monotonic() - began


def settle() -> None:
    """Let the window draw what has changed."""
    wait(lambda: False, SETTLE)


def open_dock(viewer: napari.Viewer) -> MissingWedgeDock:
    """The dock, as the Plugins menu opens it."""
    began = time.monotonic()
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Missing-wedge correction")
    print(f"dock opened in {time.monotonic() - began:.2f} s")
    return dock


def save(viewer: napari.Viewer, path: Path) -> None:
    """A picture of the whole window as it is."""
    settle()
    viewer.window.screenshot(str(path), size=None, canvas_only=False, flash=False)


def scroll_to(dock: QWidget, widget: QWidget) -> None:
    """Bring the upper edge of a widget to the upper edge of its dock."""
    settle()
    area = dock.findChild(QScrollArea)
    area.verticalScrollBar().setValue(widget.mapTo(area.widget(), widget.rect().topLeft()).y() - 4)

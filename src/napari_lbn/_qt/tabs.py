"""The plugin's docks share one place as tabs.

napari puts a dock below those that are there and leaves them a strip; each of ours fills the
height of the window.
"""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget


def join_tabs(panel: QWidget, ours: Callable[[QWidget], bool]) -> None:
    """Make the dock around a panel a tab, on top, of a dock in the same area that holds another.

    Docks that float, are hidden or lie elsewhere are left alone.

    Parameters
    ----------
    panel : QWidget
        In a dock of a main window, or nothing is done.
    ours : callable
        Whether a widget is one that tells this plugin's docks, opened earlier, from others.
    """
    mine = _dock_around(panel)
    window = None if mine is None else mine.parent()
    if mine is None or not isinstance(window, QMainWindow) or mine.isFloating():
        return
    area = window.dockWidgetArea(mine)
    tabbed = window.tabifiedDockWidgets(mine)
    for other in window.findChildren(QDockWidget):
        beside = other is not mine and other.isVisible() and not other.isFloating()
        if not beside or window.dockWidgetArea(other) != area or other in tabbed:
            continue
        if any(map(ours, other.findChildren(QWidget))):
            window.tabifyDockWidget(other, mine)
            mine.raise_()
            return


def _dock_around(panel: QWidget) -> QDockWidget | None:
    """The dock widget that a panel lies in, however deep."""
    parent = panel.parent()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent

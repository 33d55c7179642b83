"""Folders and files that are dropped: opened as tilt series without asking which reader.

napari's own reader takes any folder, so that napari asks for every one that is dropped. While
the dock is open, a folder that holds a tilt series is taken before napari sees it; all else goes
on its way. What is dropped on the dock itself is opened in any case.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QLineEdit, QWidget

from .messages import report_problem

PLUGIN = "napari-lbn"


class Drops(QObject):
    """Opens what is dropped on a dock, and folders that are dropped on its viewer.

    Parameters
    ----------
    dock : QWidget
        Takes drops from now on.
    viewer : napari.viewer.Viewer
    """

    def __init__(self, dock: QWidget, viewer: Any) -> None:
        super().__init__(dock)
        self._dock = dock
        self._viewer = viewer
        dock.setAcceptDrops(True)
        dock.installEventFilter(self)

    def watch(self, window: QWidget) -> None:
        """Take folders that are dropped on the canvas of this window, or on its welcome page."""
        centre = getattr(window, "centralWidget", lambda: None)()
        if centre is None:
            return
        for widget in (centre, *centre.findChildren(QWidget)):
            if widget.acceptDrops() and not isinstance(widget, QLineEdit):
                widget.installEventFilter(self)  # a second time moves it to the front, no more

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Take a drop that is ours."""
        if event is None or event.type() not in (QEvent.Type.Drop, QEvent.Type.DragEnter):
            return False
        paths = _local_paths(event)
        on_dock = watched is self._dock
        if not paths or not (on_dock or all(map(_is_ours, paths))):
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            # not inside of the drag: a message box would block the window it came from
            QTimer.singleShot(0, lambda: self._open(paths))
        return True

    def _open(self, paths: list[Path]) -> None:
        from napari_lbn._napari.reader import get_reader
        from napari_lbn.engine.io import open_tilt_series

        for path in paths:
            with report_problem():
                if get_reader(str(path)) is None:
                    open_tilt_series(path)  # says why it is none
                self._viewer.open(str(path), plugin=PLUGIN)


def _local_paths(event: Any) -> list[Path]:
    mime = event.mimeData()
    urls = [] if mime is None else mime.urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def _is_ours(path: Path) -> bool:
    """True for a folder that our reader takes; files have one reader anyway."""
    from napari_lbn._napari.reader import get_reader

    return path.is_dir() and get_reader(str(path)) is not None

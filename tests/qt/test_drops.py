"""What is dropped on the dock, or as a folder on the viewer, opens without a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QLineEdit, QMainWindow, QVBoxLayout, QWidget

from napari_lbn._qt.drops import Drops
from napari_lbn.engine.errors import InputError

from .conftest import WAIT

# its only constructor that PyQt has too
pytestmark = pytest.mark.filterwarnings("ignore:Function.*QDragEnterEvent:DeprecationWarning")


class Canvas(QWidget):
    """Takes drops as napari's viewer does, and keeps what reached it."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.dropped: list[str] = []

    def dragEnterEvent(self, event: Any) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        self.dropped += [url.toLocalFile() for url in event.mimeData().urls()]


class Opened:
    """A viewer that keeps what it was asked to open."""

    def __init__(self) -> None:
        self.paths: list[tuple[str, str]] = []

    def open(self, path: str, *, plugin: str) -> None:
        self.paths.append((path, plugin))


@pytest.fixture
def window(qtbot: Any) -> QMainWindow:
    """A window whose central widget holds a canvas, with a welcome page, and a line to type in."""
    window = QMainWindow()
    centre = QWidget()
    layout = QVBoxLayout(centre)
    for widget in (Canvas(), QLineEdit()):
        layout.addWidget(widget)
    window.setCentralWidget(centre)
    qtbot.addWidget(window)
    return window


@pytest.fixture
def series_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "TS_001"
    folder.mkdir()
    with mrcfile.new(folder / "TS_001.st") as file:
        file.set_data(np.zeros((5, 8, 8), "f4"))
    (folder / "TS_001.xf").write_text("1 0 0 1 0 0\n" * 5)
    (folder / "TS_001.tlt").write_text("-40\n-20\n0\n20\n40\n")
    return folder


def drop(widget: QWidget, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton)
    place, keys = QPointF(5, 5), Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(place.toPoint(), *how, keys))
    QApplication.sendEvent(widget, QDropEvent(place, *how, keys))


def test_a_folder_of_a_series_is_taken_before_napari_asks(
    qtbot: Any, window: QMainWindow, series_folder: Path
) -> None:
    viewer, dock = Opened(), QWidget()
    qtbot.addWidget(dock)
    drops = Drops(dock, viewer)
    drops.watch(window)
    drops.watch(window)  # shown again
    canvas = window.findChild(Canvas)
    drop(canvas, series_folder)
    qtbot.waitUntil(lambda: bool(viewer.paths), timeout=WAIT)
    assert viewer.paths == [(str(series_folder), "napari-lbn")]
    assert canvas.dropped == []


def test_all_else_goes_on_to_napari(qtbot: Any, window: QMainWindow, series_folder: Path) -> None:
    viewer, dock = Opened(), QWidget()
    qtbot.addWidget(dock)
    Drops(dock, viewer).watch(window)
    canvas = window.findChild(Canvas)
    pictures = series_folder.parent / "pictures"
    pictures.mkdir()
    drop(canvas, pictures)
    drop(canvas, series_folder / "TS_001.xf")
    drop(canvas, series_folder, pictures)
    qtbot.wait(10)
    assert len(canvas.dropped) == 4
    assert viewer.paths == []


def test_the_dock_takes_files_too_and_says_what_it_cannot_use(
    qtbot: Any, dock: Any, series_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, problems = Opened(), []
    monkeypatch.setattr(dock._drops, "_viewer", viewer)
    monkeypatch.setattr("napari_lbn._qt.messages.notify_error", problems.append)
    (series_folder.parent / "nothing").mkdir()
    drop(dock, series_folder / "TS_001.xf", series_folder.parent / "nothing")
    qtbot.waitUntil(lambda: bool(problems), timeout=WAIT)
    assert viewer.paths == [(str(series_folder / "TS_001.xf"), "napari-lbn")]
    assert isinstance(problems[0], InputError)
    assert "holds no alignment" in str(problems[0])

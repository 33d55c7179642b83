"""The tilt series to learn from: layers and files, one or several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.metadata import series_of
from napari_lbn._napari.reader import MRC_SUFFIXES, TIFF_SUFFIXES
from napari_lbn.engine.tilt_series import TiltSeries

from ..lists import add_row_to, fit_height, ticked_list
from ..messages import report_problem
from ..panels.layer_choice import PLUGIN, SAMPLE
from ..panels.series import describe_series
from ..theme import caption, explain

INVITATION = (
    "<b>Drop aligned tilt series on the viewer</b>, or add files. A network that learns from "
    "your own series predicts their missing tilts better."
)
BUSY = "A training is running."
GONE = "What the training learns from is no longer open. It goes on."
MOST_ROWS = 5


class SeriesList(QWidget):
    """Layers that are tilt series, and files, to tick.

    Signals
    -------
    changed()
        Other series are ticked.
    """

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._files: list[TiltSeries] = []
        self._sources: list[Any] = []
        self._ticked: list[Any] = []
        self._told: tuple[TiltSeries, ...] = ()
        self._locked = False
        self._hint = caption(INVITATION)
        self.list = ticked_list()
        self.list.setAccessibleName("Tilt series to learn from")
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.add_button, self.sample_button = QPushButton("Add files…"), QPushButton("Open sample")
        self.add_button.setToolTip("Tilt series that need not be shown in the viewer")
        self.sample_button.setToolTip("A simulated tilt series")
        row = QHBoxLayout()
        for button in (self.add_button, self.sample_button):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._hint, self.list):
            layout.addWidget(widget)
        layout.addLayout(row)
        self.list.itemChanged.connect(self._on_ticked)
        self.add_button.clicked.connect(self._choose_files)
        self.sample_button.clicked.connect(self._open_sample)
        for emitter in self._emitters():
            emitter.connect(self.refresh)
        self.refresh()

    @property
    def series(self) -> tuple[TiltSeries, ...]:
        """The ticked series as they are now, in the order of the list."""
        ticked = (source for source in self._sources if _among(source, self._ticked))
        return tuple(one for one in map(_series, ticked) if one is not None)

    @property
    def opened(self) -> tuple[TiltSeries, ...]:
        """All that are listed."""
        return tuple(one for one in map(_series, self._sources) if one is not None)

    def set_locked(self, locked: bool) -> None:
        """Leave the choice as it is while a training runs."""
        self._locked = locked
        explain(self.list, not locked, BUSY)
        self.add_button.setVisible(not locked)
        self.refresh()

    def disconnect_viewer(self) -> None:
        """Stop listening to the viewer; harmless when called again."""
        layers = [source for source in self._sources if not isinstance(source, TiltSeries)]
        for emitter in (*self._emitters(), *(layer.events.metadata for layer in layers)):
            emitter.disconnect(self.refresh)

    def add_files(self, paths: list[str]) -> None:
        """List files, ticked; what is wrong with one is told."""
        from napari_lbn.engine.io import open_tilt_series

        for path in paths:
            with report_problem():
                series = open_tilt_series(Path(path))
                self._files.append(series)
                self._ticked.append(series)
        self.refresh()

    def tick(self, sources: list[Any]) -> None:
        """Learn from exactly these layers or series."""
        self._ticked = list(sources)
        self.refresh()

    def refresh(self, event: Any = None) -> None:
        """Take over the layers that there are now; the first series is ticked by itself."""
        layers = [layer for layer in self._viewer.layers if series_of(layer) is not None]
        for layer in layers:  # a pixel size or tilts taken out in the correction dock
            layer.events.metadata.connect(self.refresh)
        self._sources = [*layers, *self._files]
        self._ticked = [one for one in self._ticked if _among(one, self._sources)]
        if not self._ticked and self._sources and not self._locked:
            self._ticked = [self._sources[-1]]
        self._fill()
        if [*map(id, self.series)] != [*map(id, self._told)]:
            self._tell()

    def _fill(self) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for source in self._sources:
            series = _series(source)
            assert series is not None
            item = QListWidgetItem(f"{series.name}: {describe_series(series)}")
            item.setToolTip("in no file" if series.source is None else str(series.source))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            on = _among(source, self._ticked)
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            add_row_to(self.list, item)
        self.list.blockSignals(False)
        fit_height(self.list, most=MOST_ROWS)
        self.list.setVisible(bool(self._sources))
        self._hint.setText(GONE if self._locked else INVITATION)
        self._hint.setVisible(not self._sources)
        self.sample_button.setVisible(not self._sources and not self._locked)

    def _on_ticked(self, item: QListWidgetItem) -> None:
        checked = Qt.CheckState.Checked
        self._ticked = [
            source
            for i, source in enumerate(self._sources)
            if self.list.item(i).checkState() == checked
        ]
        self._tell()

    def _tell(self) -> None:
        self._told = self.series
        self.changed.emit()

    def _emitters(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.renamed]

    def _choose_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(MRC_SUFFIXES | TIFF_SUFFIXES))
        paths, _ = QFileDialog.getOpenFileNames(
            self, "Tilt series to learn from", "", f"Tilt series ({patterns});;All files (*)"
        )
        self.add_files(paths)

    def _open_sample(self) -> None:
        with report_problem():
            self._viewer.open_sample(PLUGIN, SAMPLE)


def _series(source: Any) -> TiltSeries | None:
    """The series of a layer, as it is now, or of a file."""
    return source if isinstance(source, TiltSeries) else series_of(source)


def _among(one: Any, others: list[Any]) -> bool:
    return any(one is other for other in others)

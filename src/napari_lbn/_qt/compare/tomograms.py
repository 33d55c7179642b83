"""The list of tomograms, of which those that are ticked are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.metadata import TILT_KINDS, kind_of
from napari_lbn._napari.reader import MRC_SUFFIXES, read

from ..lists import add_row_to, fit_height, ticked_list
from ..messages import report_problem
from ..theme import caption

INVITATION = "Tick two or more tomograms. Those of other programs are opened from a file."
ROWS = (2, 6)
"""As many the list is high, with fewer or more tomograms."""


def is_tomogram(layer: Any) -> bool:
    """Layers that can be compared: volumes, ours or anybody's, but no tilts and no spread."""
    if type(layer).__name__ != "Image" or layer.ndim != 3 or layer.rgb:
        return False
    return kind_of(layer) not in (*TILT_KINDS, "stack", "spread")


def placed_like(
    attributes: Mapping[str, Any], shape: tuple[int, ...], others: list[Any]
) -> dict[str, Any]:
    """Attributes of a volume that does not know its voxel size: those of one with its shape.

    Other programs often forget the voxel size, and a tomogram of 1 Å beside one of 10 Å would
    be a speck.
    """
    unit = str((attributes.get("units") or ("pixel",))[-1])
    twin = next((layer for layer in others if tuple(layer.data.shape) == tuple(shape)), None)
    if unit != "pixel" or twin is None:
        return dict(attributes)
    place = {name: getattr(twin, name) for name in ("scale", "translate", "units")}
    return {**attributes, **place}


class TomogramList(QWidget):
    """Every volume of a viewer, with a tick for each.

    Signals
    -------
    ticked()
        The user changed what is compared.
    """

    ticked = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Any] = []
        self._ticked: list[Any] = []
        self.list = ticked_list()
        self.list.setAccessibleName("Tomograms to compare")
        self.open_button = QPushButton("Open tomogram…")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (caption(INVITATION), self.list, self.open_button):
            layout.addWidget(widget)
        self.list.itemChanged.connect(self._on_ticked)
        self.open_button.clicked.connect(self._open)

    @property
    def compared(self) -> list[Any]:
        """The layers that are ticked, in the order of the list."""
        return [layer for layer in self._layers if any(layer is t for t in self._ticked)]

    def refresh(self) -> None:
        """Take over the layers that there are now."""
        self._layers = [layer for layer in self._viewer.layers if is_tomogram(layer)]
        self._ticked = [t for t in self._ticked if any(t is layer for layer in self._layers)]
        self.list.blockSignals(True)
        self.list.clear()
        for layer in self._layers:
            item = QListWidgetItem(layer.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            on = any(layer is t for t in self._ticked)
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            add_row_to(self.list, item)
        self.list.blockSignals(False)
        fit_height(self.list, most=ROWS[1], fewest=ROWS[0])  # the plots below need the room

    def tick(self, layers: list[Any]) -> None:
        """Compare exactly these layers."""
        self._ticked = list(layers)
        self.refresh()
        self.ticked.emit()

    def add_file(self, path: str) -> None:
        """Open a tomogram of any program into the viewer."""
        for data, attributes, _ in read(path):
            placed = placed_like(attributes, data.shape, self._layers)
            self._viewer.add_image(data, **placed)

    def _on_ticked(self, *_: object) -> None:
        checked = Qt.CheckState.Checked
        self._ticked = [
            layer
            for i, layer in enumerate(self._layers)
            if self.list.item(i).checkState() == checked
        ]
        self.ticked.emit()

    def _open(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(MRC_SUFFIXES))
        paths, _ = QFileDialog.getOpenFileNames(
            self, "Open tomograms", "", f"Tomograms ({patterns});;All files (*)"
        )
        for path in paths:
            with report_problem():
                self.add_file(path)

"""Choice of the layer to work on, or what to do where there is none."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.metadata import kind_of
from napari_lbn._napari.reader import ALIGNMENT_SUFFIXES, MRC_SUFFIXES, TIFF_SUFFIXES, read

from ..eliding import ElidingButton, ElidingCombo
from ..messages import report_problem
from ..theme import caption

PLUGIN = "napari-lbn"
SAMPLE = "simulated_tilt_series"
EMPTY = (
    "<b>Drop an aligned tilt series on the viewer</b> (.mrc, .st, .ali, .tif) with its angles "
    "beside it (.tlt, .rawtlt or .mdoc), or the alignment of raw tilts (.xf, newst.com, .aln, "
    ".star, .xml). No data at hand? Open the sample."
)

GO_ON = "Go on with {name}"

OPENED = {"Tilt series": MRC_SUFFIXES | TIFF_SUFFIXES, "Alignments": ALIGNMENT_SUFFIXES}


def may_be_tilt_series(layer: Any) -> bool:
    """Layers that can be worked on: tilt series, and plain stacks that still need angles."""
    kind = kind_of(layer)
    if kind is not None:
        return kind in ("tilt series", "stack")
    return type(layer).__name__ == "Image" and layer.ndim == 3 and not layer.rgb


class LayerChoice(QWidget):
    """Combo box of the layers that may be tilt series; an invitation where there are none.

    Signals
    -------
    chosen(object)
        The layer to work on, or None.
    arrived(object)
        A tilt series that was opened while the choice is locked. It is offered afterwards: what
        the user has waited for is looked at first.
    """

    chosen = Signal(object)
    arrived = Signal(object)

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Any] = []
        self._locked = False
        self._waiting: Any | None = None
        self.go_on = ElidingButton()
        self.go_on.setToolTip("This tilt series was opened while the last correction ran")
        self.go_on.hide()
        self._combo = ElidingCombo()
        self._combo.setToolTip("Tilt series to correct")
        self._combo.setAccessibleName("Tilt series")
        self._invitation = self._make_invitation()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._invitation)
        layout.addWidget(self._combo)
        layout.addWidget(self.go_on)
        self._combo.currentIndexChanged.connect(self._on_index)
        self.go_on.clicked.connect(self._on_go_on)
        viewer.layers.events.inserted.connect(self.refresh)
        viewer.layers.events.removed.connect(self.refresh)
        viewer.layers.events.renamed.connect(self.refresh)
        self.refresh()

    @property
    def layer(self) -> Any | None:
        """The layer chosen now."""
        index = self._combo.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def set_locked(self, locked: bool) -> None:
        """Stay with the layer chosen now (while a job runs), unless it is removed."""
        self._locked = locked
        self._combo.setEnabled(not locked)
        self._offer()

    def disconnect_viewer(self) -> None:
        """Stop listening to the viewer; harmless when called again."""
        for emitter in (
            self._viewer.layers.events.inserted,
            self._viewer.layers.events.removed,
            self._viewer.layers.events.renamed,
        ):
            emitter.disconnect(self.refresh)

    def refresh(self, event: Any = None) -> None:
        """Take over the layers that there are now; a new tilt series is chosen at once."""
        before = self.layer
        known = [id(layer) for layer in self._layers]
        self._layers = [layer for layer in self._viewer.layers if may_be_tilt_series(layer)]
        ours = [layer for layer in self._layers if kind_of(layer) is not None]
        new = [layer for layer in ours if id(layer) not in known]
        late, new = (new, []) if self._locked else ([], new)
        chosen = new[-1] if new else before if before in self._layers else (ours or [None])[-1]
        self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItems([layer.name for layer in self._layers])
        if chosen is None and self._layers:
            chosen = self._layers[0]
        if chosen is not None:
            self._combo.setCurrentIndex(self._layers.index(chosen))
        self._combo.blockSignals(False)
        self._combo.setVisible(bool(self._layers))
        self._invitation.setVisible(not self._layers)
        for layer in late:
            self._waiting = layer
            self.arrived.emit(layer)
        if chosen is not before:
            self._waiting = None
        self._offer()
        if chosen is not before:
            self.chosen.emit(chosen)

    def _on_index(self, index: int) -> None:
        self._waiting = None
        self._offer()
        self.chosen.emit(self.layer)

    def _on_go_on(self) -> None:
        self._combo.setCurrentIndex(self._layers.index(self._waiting))

    def _offer(self) -> None:
        """Offer what was opened meanwhile, once the choice is free."""
        if self._waiting not in self._layers:
            self._waiting = None
        if self._waiting is not None:
            self.go_on.setText(GO_ON.format(name=self._waiting.name))
        self.go_on.setVisible(self._waiting is not None and not self._locked)

    def _make_invitation(self) -> QWidget:
        widget = QWidget()
        layout = QVBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(caption(EMPTY))
        buttons = QHBoxLayout()
        open_button = QPushButton("Open tilt series…")
        open_button.clicked.connect(self._open_file)
        sample_button = QPushButton("Open sample")
        sample_button.setToolTip("A simulated tilt series whose missing tilts are known")
        sample_button.clicked.connect(self._open_sample)
        buttons.addWidget(open_button)
        buttons.addWidget(sample_button)
        layout.addLayout(buttons)
        return widget

    def _open_file(self) -> None:
        kinds = [
            f"{name} ({' '.join(f'*{suffix}' for suffix in sorted(suffixes))})"
            for name, suffixes in OPENED.items()
        ]
        path, _ = QFileDialog.getOpenFileName(
            self, "Open tilt series", "", ";;".join([*kinds, "All files (*)"])
        )
        if path:
            with report_problem():
                for data, attributes, _ in read(path):
                    self._viewer.add_image(data, **attributes)

    def _open_sample(self) -> None:
        with report_problem():
            self._viewer.open_sample(PLUGIN, SAMPLE)

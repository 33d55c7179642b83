"""The dock "Compare tomograms"."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.layers import contrast_limits
from napari_lbn._napari.metadata import TILT_KINDS, kind_of, series_of, volume_record
from napari_lbn._napari.reader import MRC_SUFFIXES, read
from napari_lbn._napari.views import set_imod_orientation, side_by_side

from ..check.plot import Plot
from ..messages import report_problem
from ..panels.display import segmented
from ..theme import add_row, caption, explain, form, group
from .measures import DifferenceVolume, draw_amplitude, line_profile

MINIMUM_WIDTH = 320
MINIMUM_HEIGHT = 330
"""Below another dock it would else be squeezed to nothing."""
FLIP_KEY = "B"
LINKED = ("contrast_limits", "gamma", "colormap")
ORDERS = {"xy": (0, 1, 2), "xz": (1, 0, 2), "yz": (2, 0, 1)}
INVITATION = "Tick two or more tomograms. Those of other programs are opened from a file."
NEED_TWO = "Tick two tomograms of the same size."
AXES = ("z", "y", "x")


def is_tomogram(layer: Any) -> bool:
    """Layers that can be compared: volumes, ours or anybody's, but no tilts."""
    if type(layer).__name__ != "Image" or layer.ndim != 3 or layer.rgb:
        return False
    return kind_of(layer) not in (*TILT_KINDS, "stack", "spread")


class CompareDock(QWidget):
    """Tomograms side by side with linked camera, slice and contrast.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        # through the proxy that plugins are given no layer is ever the same object twice
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._layers: list[Any] = []
        self._ticked: list[Any] = []
        self._linked: list[Any] = []
        self._make_widgets()
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def compared(self) -> list[Any]:
        """The layers that are ticked, in the order of the list."""
        return [layer for layer in self._layers if any(layer is t for t in self._ticked)]

    def _make_widgets(self) -> None:
        self.list = QListWidget()
        self.list.setMaximumHeight(130)
        self.list.setAccessibleName("Tomograms to compare")
        self.open_button = QPushButton("Open tomogram…")
        self.arrangement, self._arrangement = QButtonGroup(self), {}
        arranged, self._arrangement = segmented(
            [
                ("side", "Side by side", "Linked camera, slice and contrast"),
                ("place", "In place", f"One at a time; {FLIP_KEY} swaps A and B"),
            ],
            self.arrangement,
        )
        self.sections_group = QButtonGroup(self)
        sections, self.sections = segmented(
            [("xy", "XY", "Through z"), ("xz", "XZ", "Through y"), ("yz", "YZ", "Through x")],
            self.sections_group,
        )
        self._rows = {"Show": arranged, "Section": sections}
        self._arrangement["side"].setChecked(True)
        self.sections["xy"].setChecked(True)
        self.flip_button = QPushButton(f"Swap A and B ({FLIP_KEY})")
        self.difference_button = QPushButton("Difference A − B")
        self.link_contrast = QCheckBox("Same contrast")
        self.link_contrast.setChecked(True)
        self.imod = QCheckBox("IMOD orientation (y up)")
        self.measure = QComboBox()
        for label, value in (
            ("Fourier amplitude, xz", "fourier"),
            ("Profile along x", 2),
            ("Profile along y", 1),
            ("Profile along z", 0),
        ):
            self.measure.addItem(label, value)
        self.measure_button = QPushButton("Draw")
        self.plots = [Plot(260), Plot(260)]
        self.hint = caption(INVITATION)

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(6, 6, 6, 6)
        chosen, layout = group("Tomograms")
        for widget in (self.hint, self.list, self.open_button):
            layout.addWidget(widget)
        shown, layout = group("Display")
        rows = form()
        for label, row in self._rows.items():
            add_row(rows, label, row)
        layout.addLayout(rows)
        for pair in ((self.flip_button, self.difference_button), (self.link_contrast, self.imod)):
            line = QHBoxLayout()
            for widget in pair:
                widget.setMinimumWidth(10)
                line.addWidget(widget)
            layout.addLayout(line)
        measured, layout = group("Measure at the displayed section")
        line = QHBoxLayout()
        self.measure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        line.addWidget(self.measure, 1)
        line.addWidget(self.measure_button)
        layout.addLayout(line)
        for plot in self.plots:
            layout.addWidget(plot)
        for box in (chosen, shown, measured):
            column.addWidget(box)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(body)
        body.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setMinimumSize(MINIMUM_WIDTH, MINIMUM_HEIGHT)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for every control."""
        return QSize(380, 800)

    def _connect(self) -> None:
        for emitter in self._emitters():
            emitter.connect(self.refresh)
        self.list.itemChanged.connect(self._on_ticked)
        self.open_button.clicked.connect(self._open)
        self.arrangement.buttonClicked.connect(lambda _: self.arrange())
        for name, button in self.sections.items():
            button.clicked.connect(lambda _=False, name=name: self.cut(name))
        self.flip_button.clicked.connect(lambda _: self.flip())
        self.difference_button.clicked.connect(lambda _: self.show_difference())
        self.link_contrast.toggled.connect(lambda _: self._link())
        self.imod.toggled.connect(lambda on: set_imod_orientation(self._viewer, on))
        self.measure_button.clicked.connect(lambda _: self.draw())
        self._viewer.bind_key(FLIP_KEY, lambda _: self.flip(), overwrite=True)
        self.destroyed.connect(_disconnector(self._emitters(), self.refresh))

    def _emitters(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.renamed]

    def refresh(self, event: Any = None) -> None:
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
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._explain()

    def tick(self, layers: list[Any]) -> None:
        """Compare exactly these layers."""
        self._ticked = list(layers)
        self.refresh()
        self.arrange()

    def _on_ticked(self, *_: object) -> None:
        checked = Qt.CheckState.Checked
        self._ticked = [
            layer
            for i, layer in enumerate(self._layers)
            if self.list.item(i).checkState() == checked
        ]
        self._explain()
        self.arrange()

    def arrange(self) -> None:
        """Show the compared layers side by side, or the first one alone in place."""
        compared = self.compared
        if not compared:
            side_by_side(self._viewer, [])
            return
        beside = self._arrangement["side"].isChecked() and len(compared) > 1
        for layer in self._viewer.layers:
            one = any(layer is c for c in compared) if beside else layer is compared[0]
            layer.visible = one
        self._link()
        self._viewer.layers.selection.active = compared[0]
        side_by_side(self._viewer, compared if beside else [])

    def cut(self, section: str) -> None:
        """Display sections of this orientation, through the middle where none was shown."""
        if self._viewer.dims.ndim < 3:
            return
        lead = tuple(range(self._viewer.dims.ndim - 3))
        order = tuple(len(lead) + axis for axis in ORDERS[section])
        self._viewer.dims.order = (*lead, *order)
        self.sections[section].setChecked(True)
        self._viewer.reset_view()

    def flip(self) -> None:
        """In place: show the next compared layer instead of the one on the screen."""
        compared = self.compared
        if len(compared) < 2:
            return
        if self._arrangement["side"].isChecked():
            self._arrangement["place"].setChecked(True)
            self.arrange()
        shown = next((i for i, layer in enumerate(compared) if layer.visible), -1)
        following = compared[(shown + 1) % len(compared)]
        for layer in compared:
            layer.visible = layer is following
        self._viewer.layers.selection.active = following

    def show_difference(self) -> None:
        """Add a layer of A minus B."""
        a, b = self.compared[:2]
        data = DifferenceVolume(a.data, b.data)
        low, high = contrast_limits(data)
        bound = max(abs(low), abs(high))
        record = volume_record("difference", pixel_size=None, alpha=None, provenance={})
        self._viewer.add_image(
            data,
            name=f"{a.name} − {b.name}",
            colormap="gray",
            contrast_limits=(-bound, bound),
            metadata={"napari_lbn": record},
            scale=a.scale,
            translate=a.translate,
            units=a.units,
            axis_labels=a.axis_labels,
            multiscale=False,
        )

    def draw(self) -> None:
        """Fourier amplitude with the wedge, or a line profile, at the displayed section."""
        compared = self.compared[:2]
        for plot in self.plots:
            plot.hide()
        if not compared:
            return
        kind = self.measure.currentData()
        if kind == "fourier":
            for plot, layer in zip(self.plots, compared, strict=False):
                self._draw_amplitude(plot, layer)
        else:
            self.plots[0].draw(lambda axes: self._paint_profile(axes, compared, int(kind)))

    def _draw_amplitude(self, plot: Plot, layer: Any) -> None:
        row, wedge = self._position(layer)[1], self.wedge()

        def paint(axes: Any) -> None:
            draw_amplitude(axes, layer.data, row, wedge)
            axes.set_title(layer.name)

        plot.draw(paint)

    def _paint_profile(self, axes: Any, layers: list[Any], axis: int) -> None:
        for layer in layers:
            values = line_profile(layer.data, self._position(layer), axis)
            axes.plot(values, label=layer.name, linewidth=1)
        axes.set_xlabel(f"{AXES[axis]} (pixel)")
        axes.legend()

    def _position(self, layer: Any) -> tuple[int, int, int]:
        """The displayed point in voxels; the middle along displayed axes."""
        point = self._viewer.dims.point[-3:]
        displayed = {axis - (self._viewer.dims.ndim - 3) for axis in self._viewer.dims.displayed}
        places = []
        for axis in range(3):
            size = layer.data.shape[axis]
            at = round((point[axis] - layer.translate[axis]) / layer.scale[axis])
            places.append(size // 2 if axis in displayed else min(max(at, 0), size - 1))
        return places[0], places[1], places[2]

    def wedge(self) -> tuple[float, float] | None:
        """Where the tilt range of the series in the viewer ends and begins again, degrees."""
        for layer in self._viewer.layers:
            series = series_of(layer)
            if series is not None:
                return series.wedge.start, series.wedge.stop
        return None

    def _explain(self) -> None:
        compared = self.compared
        same = len(compared) > 1 and compared[0].data.shape == compared[1].data.shape
        explain(self.difference_button, same, NEED_TWO, "A layer of the first minus the second")
        explain(self.flip_button, len(compared) > 1, NEED_TWO, "Show the other one in its place")
        explain(self.measure_button, bool(compared), "Tick a tomogram.", "Draw it below")

    def _link(self) -> None:
        """One contrast for all that are compared, or each its own."""
        from napari.experimental import link_layers, unlink_layers

        present = [layer for layer in self._linked if layer in self._viewer.layers]
        if len(present) > 1:
            unlink_layers(present)
        self._linked = []
        compared = self.compared
        if self.link_contrast.isChecked() and len(compared) > 1:
            limits = np.array([layer.contrast_limits for layer in compared])
            for layer in compared:
                layer.contrast_limits = (float(limits[:, 0].min()), float(limits[:, 1].max()))
            link_layers(compared, LINKED)
            self._linked = compared

    def _open(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(MRC_SUFFIXES))
        paths, _ = QFileDialog.getOpenFileNames(
            self, "Open tomograms", "", f"Tomograms ({patterns});;All files (*)"
        )
        for path in paths:
            with report_problem():
                for data, attributes, _ in read(path):
                    self._viewer.add_image(data, **attributes)


def _disconnector(emitters: list[Any], callback: Any) -> Any:
    def disconnect(*_: object) -> None:
        for emitter in emitters:
            emitter.disconnect(callback)

    return disconnect

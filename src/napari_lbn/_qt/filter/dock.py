"""The dock "Learned filter": learn, look, apply, compare with plain back-projection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.layers import volume_layer
from napari_lbn._napari.metadata import kind_of, series_of, volume_record
from napari_lbn.engine.events import Progress

from ..jobs import JobRunner
from ..messages import notify_error, report_problem
from ..panels.fields import count
from ..theme import add_row, caption, explain, form
from . import jobs
from .jobs import FilterOptions
from .pictures import AVERAGED, FilterPictures

SIMULATED = "simulated volumes"
VARIANTS = {
    "plane-2d": "one for all tilts",
    "tilt-2d": "one for each tilt",
    "3d": "over tilts too (3-D)",
    "separable": "β₁ over tilts ∗ β₂ in the plane",
    "tilt-1d": "β₁ over tilts alone",
    "radial": "of the radius alone",
}
INITIALS = {"ramp": "ramp", "symmetric-ramp": "symmetric ramp", "zero": "zero"}
DRAWINGS = 40
"""How often the loss is drawn in a training."""
NO_FILTER = "Learn a filter first, or open one."
NO_SERIES = "Choose a tilt series."
FILES = "Learned filter (*.safetensors)"


class LearnedFilterDock(QWidget):
    """Learns the filter of back-projection, live, and applies it to the open series.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        # through the proxy that plugins are given no layer is ever the same object twice
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.model: Any = None
        self._losses: list[float] = []
        self._after: Any = None
        self.runner = JobRunner(self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self.refresh()

    def _make_widgets(self) -> None:
        self.source = QComboBox()
        self.source.setToolTip("What the filter is learned from, and applied to")
        self.variant, self.initial = QComboBox(), QComboBox()
        for combo, entries in ((self.variant, VARIANTS), (self.initial, INITIALS)):
            for name, text in entries.items():
                combo.addItem(text, name)
        self.steps = count(low=1, high=100_000, suffix=" steps", tip="Updates of the filter")
        self.steps.setValue(100)
        self.thickness = count(low=4, high=8192, suffix=" px", tip="Thickness of the tomogram")
        self.thickness.setValue(100)
        self.padding = QCheckBox("Mirror tilts beyond their edges")
        self.learn_button, self.stop_button = QPushButton("Learn"), QPushButton("Stop")
        self.apply_button = QPushButton("Apply and compare with WBP")
        self.save_button, self.open_button = QPushButton("Save…"), QPushButton("Open…")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.status = caption()
        self.pictures = FilterPictures()

    def _lay_out(self) -> None:
        fields = form()
        add_row(fields, "Learn from", self.source)
        add_row(fields, "Filter", self.variant)
        add_row(fields, "Start", self.initial)
        add_row(fields, "Training", self.steps)
        add_row(fields, "Thickness", self.thickness)
        layout = QVBoxLayout(self)
        layout.addLayout(fields)
        layout.addWidget(self.padding)
        for row in (
            (self.learn_button, self.stop_button),
            (self.apply_button,),
            (self.save_button, self.open_button),
        ):
            line = QHBoxLayout()
            for button in row:
                line.addWidget(button)
            layout.addLayout(line)
        for widget in (self.bar, self.status, self.pictures):
            layout.addWidget(widget)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.learn_button.clicked.connect(self.learn)
        self.stop_button.clicked.connect(self.runner.cancel)
        self.apply_button.clicked.connect(self.apply)
        self.save_button.clicked.connect(self._ask_and_save)
        self.open_button.clicked.connect(self._ask_and_open)
        self.source.currentIndexChanged.connect(self._explain)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_success)
        self.runner.failed.connect(notify_error)
        self.runner.cancelled.connect(lambda: self.status.setText("Stopped."))
        self.runner.running_changed.connect(lambda running: self._explain())
        events = self._viewer.layers.events
        refresh = self.refresh
        for emitter in (events.inserted, events.removed):
            emitter.connect(refresh)

        def leave(*_: object) -> None:
            for emitter in (events.inserted, events.removed):
                emitter.disconnect(refresh)

        self.destroyed.connect(leave)

    def refresh(self, event: object = None) -> None:
        """Offer the tilt series that are open now."""
        chosen = self.source.currentText()
        self.source.blockSignals(True)
        self.source.clear()
        self.source.addItem(SIMULATED, None)
        for layer in self._viewer.layers:
            if kind_of(layer) == "tilt series":
                self.source.addItem(layer.name, layer)
        self.source.setCurrentIndex(max(self.source.findText(chosen), 0))
        self.source.blockSignals(False)
        self._explain()

    @property
    def series(self) -> Any:
        """The chosen tilt series, None for simulated volumes."""
        layer = self.source.currentData()
        return None if layer is None else series_of(layer)

    def learn(self) -> None:
        """Learn a filter from what is chosen."""
        series = self.series
        options = FilterOptions(
            variant=self.variant.currentData(),
            initial=self.initial.currentData(),
            padding=self.padding.isChecked(),
            steps=self.steps.value(),
            thickness=self.thickness.value(),
        )
        self._losses = []
        self._after = self._take_learned
        self.status.setText("Preparing what is learned from …")
        self.runner.start(lambda cancel: jobs.learn(series, options, cancel))

    def apply(self) -> None:
        """Reconstruct the chosen series with the filter, and plainly, into two layers."""
        series, model, thickness = self.series, self.model, self.thickness.value()
        self._after = lambda tomograms: self._add_tomograms(series, tomograms)
        self.runner.start(lambda cancel: jobs.apply(series, model, thickness, cancel))

    def save(self, path: Path) -> None:
        """Write the filter."""
        from napari_lbn.engine.reconstruction.learned import save_filter

        with report_problem():
            save_filter(path, self.model, {"origin": self.source.currentText()})

    def open(self, path: Path) -> None:
        """Take a filter from a file."""
        from napari_lbn.engine.reconstruction.learned import load_filter

        with report_problem():
            self._take_model(load_filter(path)[0])

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save filter", "filter.safetensors", FILES)
        if name:
            self.save(Path(name))

    def _ask_and_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open filter", "", FILES)
        if name:
            self.open(Path(name))

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Progress):
            self.bar.setValue(round(1000 * event.fraction))
            self.status.setText(event.stage)
        elif hasattr(event, "fidelity"):
            self._losses.append(event.fidelity)
            if event.step % max(event.total // DRAWINGS, 1) == 0 or event.step == event.total:
                self.pictures.show_losses(self._losses)

    def _on_success(self, result: Any) -> None:
        self.status.setText("Done.")
        self._after(result)

    def _take_learned(self, model: Any) -> None:
        """A filter that was learned here: how far the misfit went down."""
        self._take_model(model)
        n = min(AVERAGED, len(self._losses) // 2)
        if n:
            first, last = (sum(part) / n for part in (self._losses[:n], self._losses[-n:]))
            self.status.setText(f"Done. Misfit at first {first:.3g}, at last {last:.3g}.")

    def _take_model(self, model: Any) -> None:
        self.model = model
        self.pictures.show_filter(model)
        self._explain()

    def _add_tomograms(self, series: Any, tomograms: Any) -> None:
        for data, name in zip(tomograms, ("WBP, ramp", "learned filter"), strict=True):
            record = volume_record(
                "tomogram", pixel_size=series.pixel_size, alpha=0.0, provenance={"filter": name}
            )
            volume, attributes, _ = volume_layer(
                data, name=f"{series.name}, {name}", pixel_size=series.pixel_size, record=record
            )
            self._viewer.add_image(volume, **attributes)

    def _explain(self) -> None:
        """Enable what can be done now, and say why the rest cannot."""
        running, has_model = self.runner.running, self.model is not None
        explain(self.learn_button, not running, "A job is running.")
        explain(self.stop_button, running, "Nothing is running.")
        explain(self.save_button, has_model, NO_FILTER)
        why_not = NO_FILTER if not has_model else NO_SERIES if self.series is None else "Running."
        explain(self.apply_button, has_model and self.series is not None and not running, why_not)

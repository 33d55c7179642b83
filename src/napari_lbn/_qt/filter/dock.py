"""The dock "Learned filter": learn, look, apply, compare with plain back-projection."""

from __future__ import annotations

from threading import Event
from typing import Any

from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QWidget,
)

from napari_lbn._napari.tilt_display import tilt_display
from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Progress

from ..ending import end_with, ended, left_its_dock
from ..jobs import JobRunner
from ..messages import notify_error
from ..sections import Column
from ..theme import caption, explain, group, show_text
from . import jobs
from .comparison import Comparison
from .fields import VARIANTS, FilterFields
from .files import NO_FILTER, FilterFiles
from .pictures import AVERAGED, FilterPictures

DRAWINGS = 40
"""How often the loss is drawn in a training."""
MINIMUM_WIDTH = 320
NO_SERIES = "Choose a tilt series."
RUNNING = "A job is running."


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
        tilt_display(self._viewer)
        self.model: Any = None
        self._losses: list[float] = []
        self._closed = False
        self._stop: Event | None = None
        self._after: Any = None
        self.runner = JobRunner(self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self.refresh()

    def _make_widgets(self) -> None:
        self.fields = FilterFields()
        self.learn_button, self.stop_button = QPushButton("Learn"), QPushButton("Stop")
        self.apply_button = QPushButton("Apply and compare with WBP")
        self.files = FilterFiles(lambda: self.fields.file)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.status = caption()
        self.status.hide()
        self.pictures = FilterPictures()
        self.comparison = Comparison(self._viewer)

    def _lay_out(self) -> None:
        learning, layout = group("Learn")
        for part in (self.fields, _row(self.learn_button, self.stop_button)):
            layout.addWidget(part)
        using, inside = group("Filter")
        for part in (
            self.files,
            self.pictures,
            self.apply_button,
            self.comparison,
        ):
            inside.addWidget(part)
        Column(self, (learning, self.bar, self.status, using))
        self.setMinimumWidth(MINIMUM_WIDTH)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for every control."""
        return QSize(380, 800)

    def _connect(self) -> None:
        self.learn_button.clicked.connect(self.learn)
        self.stop_button.clicked.connect(self.stop)
        self.apply_button.clicked.connect(self.apply)
        self.files.opened.connect(self._take_opened)
        self.fields.source_changed.connect(self._explain)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_success)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(lambda: self._say("Stopped."))
        self.runner.running_changed.connect(self._on_running)
        events = self._viewer.layers.events
        followed = (events.inserted, events.removed, events.renamed)
        refresh = self.refresh
        for emitter in followed:
            emitter.connect(refresh)

        def leave() -> None:
            for emitter in followed:
                emitter.disconnect(refresh)

        self._end = end_with(self, [self.runner], after=leave)

    def event(self, event: QEvent | None) -> bool:
        """The ✕ takes the panel out of its dock: nothing may run on without a Stop button."""
        if left_its_dock(self, event):
            self._close()
        return super().event(event)

    def _close(self) -> None:
        """Stop what runs, and let go of the viewer; tomograms stay."""
        if self._closed:
            return
        self._closed = True
        self.runner.drop()
        self._end()
        ended(self._end)
        self.deleteLater()  # connected lambdas keep it alive otherwise

    def refresh(self, event: object = None) -> None:
        """Offer the tilt series that are open now."""
        self.fields.offer(self._viewer.layers)
        self.comparison.tidy()
        self._explain()

    def learn(self) -> None:
        """Learn a filter from what is chosen."""
        series, options = self.fields.series, self.fields.options
        origin = self.fields.origin
        self._losses, self._stop = [], Event()
        stop = self._stop
        self._after = lambda model: self._take_learned(model, origin, options.steps)
        self._say("Preparing what is learned from …")
        self.runner.start(lambda cancel: jobs.learn(series, options, cancel, stop))

    def stop(self) -> None:
        """End a training with what it has learned; anything else is dropped."""
        if self._stop is not None and self._losses:
            self._stop.set()
        else:
            self.runner.cancel()

    def apply(self) -> None:
        """Reconstruct the chosen series with the filter, and plainly, into two layers."""
        self._stop = None
        series, model, options = self.fields.series, self.model, self.fields.options
        kind = VARIANTS[model.config.variant]
        size = series.pixel_size
        binned = None if size is None else size * options.binning
        self._after = lambda tomograms: self.comparison.show(series.name, binned, tomograms, kind)
        self.runner.start(lambda cancel: jobs.apply(series, model, options, cancel))

    def _say(self, text: str) -> None:
        show_text(self.status, text)

    def _on_failed(self, error: LBNError) -> None:
        notify_error(error)
        self._say(str(error))

    def _on_running(self, running: bool) -> None:
        self.bar.setValue(0)
        self._explain()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Progress):
            self.bar.setValue(round(1000 * event.fraction))
            self._say(event.stage)
        elif hasattr(event, "fidelity"):
            self._losses.append(event.fidelity)
            if event.step % max(event.total // DRAWINGS, 1) == 0 or event.step == event.total:
                self.pictures.show_losses(self._losses)

    def _on_success(self, result: Any) -> None:
        self._say("Done.")
        self._after(result)

    def _take_learned(self, model: Any, origin: str, steps: int) -> None:
        """A filter that was learned here: how far the misfit went down."""
        self._take_model(model)
        self.files.keep(model, origin)
        done, n = len(self._losses), min(AVERAGED, len(self._losses) // 2)
        ended = "Done." if done == steps else f"Stopped after {done} of {steps} steps."
        if n:
            first, last = (sum(part) / n for part in (self._losses[:n], self._losses[-n:]))
            ended += f" Misfit at first {first:.3g}, at last {last:.3g}."
        self._say(ended)

    def _take_opened(self, model: Any, words: str) -> None:
        """A filter from a file."""
        self._take_model(model)
        self._say(words)

    def _take_model(self, model: Any) -> None:
        self.model = model
        self.pictures.show_filter(model)
        self._explain()

    def _explain(self) -> None:
        """Enable what can be done now, and say why the rest cannot."""
        running, has_model = self.runner.running, self.model is not None
        has_series = self.fields.series is not None
        explain(self.learn_button, not running, RUNNING)
        explain(self.stop_button, running, "Nothing is running.", "What is learned so far is kept")
        why_not = NO_FILTER if not has_model else RUNNING if has_series else NO_SERIES
        explain(self.apply_button, has_model and has_series and not running, why_not)
        self.fields.setEnabled(not running)
        self.bar.setVisible(running)


def _row(*buttons: QPushButton) -> QWidget:
    """Buttons side by side."""
    widget = QWidget()
    layout = QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for button in buttons:
        layout.addWidget(button)
    return widget

"""Live curves: the loss, and how well held-out tilts are predicted, over the epochs."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ..background import soon
from ..check.plot import Plot
from .status import TrainingStatus

LOW, HIGH = 90, 160
"""Pixels of a plot, without and with a legend."""
LEGEND = {"handlelength": 1.5, "handletextpad": 0.4, "columnspacing": 0.9}
"""In font sizes: all names in one line."""
REDRAW = 1000
"""Milliseconds between drawings while steps arrive."""
SCALES = ("full resolution", "averaged 2 × 2", "averaged 4 × 4")


class CurvesPanel(QWidget):
    """Three plots over the epochs; drawn by the module that writes ``curves.png``."""

    def __init__(self, status: TrainingStatus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self.training, self.error, self.correlation = Plot(LOW), Plot(HIGH), Plot(HIGH)
        self.training.setToolTip("Every step, thin, and the mean of each epoch")
        self.error.setToolTip("Mean square error on the held-out tilts, in variances")
        self.scale = QComboBox()
        self.scale.addItems(SCALES)
        self.scale.setToolTip("Noise hides most of the correlation at full resolution")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.training, self.error, self.scale, self.correlation):
            widget.hide()
            layout.addWidget(widget)
        self._soon = soon(self, self._draw_training, REDRAW)
        status.events.curves.connect(self.draw)
        status.events.step.connect(self._on_step)
        self.scale.currentIndexChanged.connect(self.draw)

    def draw(self, *_: object) -> None:
        """Draw what is known now."""
        from napari_lbn.engine.training.curves.plots import draw_correlation, draw_error
        from napari_lbn.engine.training.curves.read import Curves

        self._draw_training()
        curves, scale = self._status.curves or Curves(), self.scale.currentIndex()
        for widget in (self.error, self.correlation, self.scale):
            widget.setVisible(curves.validated)
        if curves.validated:
            self.error.draw(lambda axes: self._finish(axes, draw_error, curves))
            self.correlation.draw(lambda axes: self._finish(axes, draw_correlation, curves, scale))

    def _draw_training(self) -> None:
        """What every step changes."""
        from napari_lbn.engine.training.curves.plots import draw_training
        from napari_lbn.engine.training.curves.read import Curves

        self._soon.stop()
        curves, steps = self._status.curves or Curves(), list(self._status.losses)
        known = bool(steps or curves.epochs)
        self.training.setVisible(known)
        if known:
            self.training.draw(lambda axes: self._finish(axes, draw_training, curves, steps))

    def _finish(self, axes: Any, draw: Any, *what: object) -> None:
        """Draw on the axes, as long as the training, with a legend above where there is a choice.

        They are all over the epochs, which the ticks show: three times the word takes room.
        """
        draw(axes, *what)
        axes.set_xlabel("")
        if self._status.epochs:
            axes.set_xlim(0, self._status.epochs)
        handles, _ = axes.get_legend_handles_labels()
        if len(handles) > 1:
            axes.figure.legend(handles=handles, ncols=4, loc="outside upper center", **LEGEND)

    def _on_step(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start()

"""Live curves: losses, and the correlation with held-out tilts, over the epochs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ..check.plot import Plot
from .status import TrainingStatus

HEIGHTS = (165, 185)
"""Pixels of both plots; the second one has the longer legend."""
REDRAW = 1000
"""Milliseconds between drawings while steps arrive."""
SCALES = ("full resolution", "averaged 2 × 2", "averaged 4 × 4")


class CurvesPanel(QWidget):
    """Two plots that follow the status; drawn by the module that writes ``curves.png``."""

    def __init__(self, status: TrainingStatus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self.losses, self.correlation = (Plot(height) for height in HEIGHTS)
        self.scale = QComboBox()
        self.scale.addItems(SCALES)
        self.scale.setToolTip("Noise hides most of the correlation at full resolution")
        self.scale.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.losses, self.correlation, self.scale):
            layout.addWidget(widget)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(REDRAW)
        self._soon.timeout.connect(self.draw)
        status.events.curves.connect(self.draw)
        status.events.step.connect(self._on_step)
        self.scale.currentIndexChanged.connect(self.draw)

    def draw(self, *_: object) -> None:
        """Draw what is known now."""
        from napari_lbn.engine.training.curves import Curves, draw_correlation, draw_losses

        self._soon.stop()
        curves = self._status.curves or Curves()
        steps = list(self._status.losses)
        empty = not steps and not curves.epochs
        for widget in (self.losses, self.correlation, self.scale):
            widget.setVisible(not empty)
        if empty:
            return

        def paint_losses(axes: Any) -> None:
            draw_losses(axes, curves, steps)
            self._finish(axes, names=("training", "held-out tilts"))

        def paint_correlation(axes: Any) -> None:
            draw_correlation(axes, curves, self.scale.currentIndex())
            axes.set_ylabel("correlation")
            self._finish(axes)

        self.losses.draw(paint_losses)
        validated = bool(curves.baselines) or any(curves.correlations)
        self.correlation.setVisible(validated)
        self.scale.setVisible(validated)
        if validated:
            self.correlation.draw(paint_correlation)

    def _finish(self, axes: Any, names: tuple[str, ...] = ()) -> None:
        """A legend of these names or all, above; an x axis as long as the training.

        The baselines are the same lines in both plots: one legend names them.
        """
        if self._status.epochs:
            axes.set_xlim(0, self._status.epochs)
        axes.xaxis.get_major_locator().set_params(integer=True)
        lines = [one for one in axes.lines if not str(one.get_label()).startswith("_")]
        shown = [one for one in lines if not names or one.get_label() in names]
        if shown:
            axes.figure.legend(handles=shown, ncols=2, loc="outside upper center")

    def _on_step(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start()

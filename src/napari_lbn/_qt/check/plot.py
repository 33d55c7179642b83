"""A plot in the dock, drawn with matplotlib in the colours of napari's theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from ..theme import caption

HEIGHT = 230
RECOLOURED = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
MISSING = "The plot needs matplotlib: pip install matplotlib."


class Plot(QWidget):
    """One set of axes; the canvas is made when something is drawn first.

    matplotlib takes half a second to load, which opening a dock should not.
    """

    def __init__(self, height: int = HEIGHT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._height = height
        self._canvas: Any = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def draw(self, paint: Callable[[Any], None]) -> None:
        """Clear the axes and let `paint` draw on them."""
        if self._canvas is None and not self._make_canvas():
            return
        figure = self._canvas.figure
        figure.clear()
        axes = figure.subplots()
        paint(axes)
        self._dress()
        self.show()
        self._canvas.draw_idle()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Another theme: what is drawn follows."""
        super().changeEvent(event)
        if event is not None and event.type() in RECOLOURED and self._canvas is not None:
            self._dress()
            self._canvas.draw_idle()

    def _make_canvas(self) -> bool:
        try:
            from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
            from matplotlib.figure import Figure
        except ImportError:
            self._layout.addWidget(caption(MISSING))
            self.show()
            return False
        figure = Figure(layout="constrained")
        figure.patch.set_alpha(0)
        self._canvas = FigureCanvasQTAgg(figure)
        self._canvas.setFixedHeight(self._height)
        self._canvas.setStyleSheet("background: transparent;")
        self._canvas.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._layout.addWidget(self._canvas)
        return True

    def _dress(self) -> None:
        """Text and lines in the colour of the theme's text; a colour bar has axes of its own."""
        colour = self.palette().windowText().color().name()
        figure = self._canvas.figure
        for axes in figure.axes:
            _dress_axes(axes, colour)
        for legend in (*(axes.get_legend() for axes in figure.axes), *figure.legends):
            if legend is None:
                continue
            legend.get_frame().set_alpha(0)
            for text in legend.get_texts():
                text.set_color(colour)
                text.set_fontsize(7)


def _dress_axes(axes: Any, colour: str) -> None:
    axes.patch.set_alpha(0)
    for item in (axes.xaxis.label, axes.yaxis.label, axes.title):
        item.set_color(colour)
        item.set_fontsize(8)
    axes.tick_params(colors=colour, labelsize=7)
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_alpha(0.4)

"""Fourier amplitude and line profiles of compared tomograms, at the displayed section."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_lbn._napari.metadata import record_of, series_of
from napari_lbn.engine.geometry import missing_wedge

from ..check.plot import Plot
from ..theme import bring_into_view
from .measures import WIDTH, draw_amplitude, line_profile

AXES = ("z", "y", "x")
HEIGHT = 220
FOURIER = "fourier"


class MeasurePanel(QWidget):
    """What is drawn, a button, and room for two plots."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.what = QComboBox()
        for label, value in (
            ("Fourier amplitude, xz", FOURIER),
            ("Profile along x", 2),
            ("Profile along y", 1),
            ("Profile along z", 0),
        ):
            self.what.addItem(label, value)
        self.what.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.button = QPushButton("Draw")
        self.plots = [Plot(HEIGHT), Plot(HEIGHT)]
        self._drawn: list[list[Any]] = [[], []]
        self._of_all = False
        line = QHBoxLayout()
        line.addWidget(self.what, 1)
        line.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        for plot in self.plots:
            layout.addWidget(plot)

    def draw(self, compared: list[Any]) -> None:
        """Draw what was chosen: profiles of all, Fourier amplitudes of the first two."""
        for plot in self.plots:
            plot.hide()
        kind = self.what.currentData()
        self._of_all = kind != FOURIER
        if kind == FOURIER:
            self._drawn = [compared[:1], compared[1:2]]
            for plot, layer in zip(self.plots, compared, strict=False):
                self._draw_amplitude(plot, layer)
        elif compared:
            self._drawn = [list(compared), []]
            self.plots[0].draw(lambda axes: self._paint_profile(axes, compared, int(kind)))
        shown = [plot for plot in self.plots if not plot.isHidden()]
        if shown:
            bring_into_view(shown[-1])

    def tidy(self, compared: list[Any]) -> None:
        """Hide plots of layers that were removed, or are no longer those that are compared."""
        for plot, layers in zip(self.plots, self._drawn, strict=True):
            still = layers == compared if self._of_all else set(layers) <= set(compared)
            if layers and not still:
                plot.hide()
                layers.clear()

    def wedge(self, tomogram: Any) -> tuple[float, float] | None:
        """Where the tilt range behind a tomogram ends and begins again, degrees.

        Its own record tells; of a tomogram without one, the series in the viewer if there is
        just one.
        """
        measured = ((record_of(tomogram) or {}).get("provenance") or {}).get("measured_angles")
        if measured:
            wedge = missing_wedge(measured)
            return wedge.start, wedge.stop
        found = [series_of(layer) for layer in self._viewer.layers]
        series = [one for one in found if one is not None]
        return (series[0].wedge.start, series[0].wedge.stop) if len(series) == 1 else None

    def position(self, layer: Any) -> tuple[int, int, int]:
        """The displayed point in voxels; the middle along displayed axes."""
        dims = self._viewer.dims
        displayed = {axis - (dims.ndim - 3) for axis in dims.displayed}
        places = []
        for axis, point in enumerate(dims.point[-3:]):
            size = layer.data.shape[axis]
            at = round((point - layer.translate[axis]) / layer.scale[axis])
            places.append(size // 2 if axis in displayed else min(max(at, 0), size - 1))
        return places[0], places[1], places[2]

    def _draw_amplitude(self, plot: Plot, layer: Any) -> None:
        row, wedge = self.position(layer)[1], self.wedge(layer)

        def paint(axes: Any) -> None:
            draw_amplitude(axes, layer.data, row, wedge)
            axes.set_title(layer.name)

        plot.draw(paint)

    def _paint_profile(self, axes: Any, layers: list[Any], axis: int) -> None:
        units = {str(layer.units[axis]) for layer in layers}
        for layer in layers:
            values = line_profile(layer.data, self.position(layer), axis)
            places = layer.translate[axis] + layer.scale[axis] * np.arange(values.size)
            axes.plot(places, values, label=layer.name, linewidth=1)
        unit = units.pop() if len(units) == 1 else "as displayed"
        axes.set_xlabel(f"{AXES[axis]} ({unit}), mean of {WIDTH} × {WIDTH} voxels")
        axes.figure.legend(handles=axes.lines, loc="outside lower center")

"""Tilt angles given by the user, for a stack that came without."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.metadata import record_of
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.tilt_series import TiltSeries

from ..messages import report_problem
from ..theme import add_row, caption, form
from .fields import number

ANGLE_FILES = "Tilt angles (*.tlt *.rawtlt *.mdoc *.txt);;All files (*)"


def series_from_layer(layer: Any, angles: Any, *, origin: str) -> TiltSeries:
    """A tilt series of the images of any 3-D image layer.

    Parameters
    ----------
    layer : napari Image layer
        ``(tilt, y, x)``.
    angles : array_like
        Degrees, one an image.
    origin : str
        Where the angles came from, for provenance.

    Raises
    ------
    InputError
        Another number of angles than of images.
    """
    count = layer.data.shape[0]
    if len(angles) != count:
        raise InputError(
            f"{layer.name} has {count} images, but {len(angles)} angles were given.",
            "Choose the angle file that belongs to this stack.",
        )
    record = record_of(layer) or {}
    return TiltSeries.from_array(
        layer.data,
        angles,
        pixel_size=record.get("pixel_size"),
        name=layer.name,
        source=None if layer.source.path is None else _path(layer.source.path),
        history={"angles": origin},
    )


def series_beside_layer(layer: Any) -> TiltSeries | None:
    """The tilt series of the file that another reader opened, None where it is none.

    napari itself reads TIFF stacks, and other plugins MRC stacks; neither knows of angles.
    """
    from napari_lbn.engine.io import is_tilt_series, open_tilt_series

    path = layer.source.path
    if record_of(layer) is not None or path is None or not is_tilt_series(path):
        return None
    try:
        return open_tilt_series(path)
    except InputError:  # the user is asked instead
        return None


def _path(text: str) -> Any:
    from pathlib import Path

    return Path(text)


class AnglesEntry(QWidget):
    """An angle file, or first angle and step.

    Signals
    -------
    entered(object)
        The tilt series with its angles.
    """

    entered = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Any = None
        self._first = _angle(-60.0, "Angle of the first image")
        self._step = _angle(3.0, "Angle from one image to the next")
        choose = QPushButton("Choose angle file…")
        choose.clicked.connect(self._choose_file)
        use = QPushButton("Use first angle and step")
        use.clicked.connect(self.use_range)
        fields = form()
        add_row(fields, "First angle", self._first)
        add_row(fields, "Step", self._step)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(caption("<b>No tilt angles were found for this stack.</b>"))
        layout.addWidget(choose)
        layout.addWidget(caption("or, for evenly spaced tilts:"))
        layout.addLayout(fields)
        layout.addWidget(use)
        self.hide()

    def set_layer(self, layer: Any | None) -> None:
        """Ask for the angles of this layer; None asks for nothing."""
        self._layer = layer
        self.setVisible(layer is not None)
        if layer is not None:
            self._first.setValue(-self._step.value() * (layer.data.shape[0] - 1) / 2)

    def use_range(self) -> None:
        """Take first angle and step."""
        count = self._layer.data.shape[0]
        angles = self._first.value() + self._step.value() * np.arange(count)
        with report_problem():
            self.entered.emit(series_from_layer(self._layer, angles, origin="typed by the user"))

    def use_file(self, path: str) -> None:
        """Take the angles of a file."""
        from napari_lbn.engine.io import read_angles

        with report_problem():
            table = read_angles(path)
            series = series_from_layer(self._layer, table.angles, origin=str(path))
            self.entered.emit(series)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Tilt angles", "", ANGLE_FILES)
        if path:
            self.use_file(path)


def _angle(value: float, tip: str) -> QDoubleSpinBox:
    spin = number(low=-180.0, high=180.0, decimals=2, suffix="°", tip=tip)
    spin.setValue(value)
    return spin

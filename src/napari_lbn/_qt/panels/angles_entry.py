"""Tilt angles given by the user, for a stack that came without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.angle_text import format_angle
from napari_lbn._napari.metadata import record_of
from napari_lbn._napari.reader import MRC_SUFFIXES, TIFF_SUFFIXES
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io.angles.choose import AngleSource, EvenAngles
from napari_lbn.engine.io.angles.typed import parse_typed_angles
from napari_lbn.engine.tilt_series import TiltSeries

from ..messages import report_problem
from ..theme import ERROR_COLOUR, OUTLINE_COLOUR, add_row, caption, explain, form
from .fields import number

ANGLE_FILES = "Tilt angles (*.tlt *.rawtlt *.mdoc *.txt);;All files (*)"
LINES = 4
"""Of the field for pasted angles."""


def series_from_layer(layer: Any, angles: AngleSource) -> TiltSeries:
    """A tilt series of the images of any 3-D image layer.

    Where the layer shows a file that we read, the file is opened with these angles: the images
    stay there, and what else it knows is kept.

    Parameters
    ----------
    layer : napari Image layer
        ``(tilt, y, x)``.
    angles : path, EvenAngles or sequence of float
        An angle file, even steps, or degrees in the order of the images.

    Raises
    ------
    InputError
        Another number of angles than of images, or angles that cannot be those of a series.
    """
    from napari_lbn.engine.io import open_tilt_series
    from napari_lbn.engine.io.in_memory import series_in_memory

    pixel_size = (record_of(layer) or {}).get("pixel_size")
    path = layer.source.path
    if path is not None and Path(path).suffix.lower() in MRC_SUFFIXES | TIFF_SUFFIXES:
        series = open_tilt_series(path, angles=angles, pixel_size=pixel_size)
        if series.images.shape == layer.data.shape:
            return series
    return series_in_memory(layer.data, angles, name=layer.name, pixel_size=pixel_size)


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


class AnglesEntry(QWidget):
    """An angle file, first angle and step, or a pasted list.

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
        self._step = _angle(3.0, "Angle from one image to the next; negative where it falls")
        choose = QPushButton("Choose angle file…")
        choose.clicked.connect(self._choose_file)
        use = QPushButton("Use first angle and step")
        use.clicked.connect(self.use_range)
        self._make_list()
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
        layout.addWidget(caption("or the angles of all images, in their order in the stack:"))
        for widget in (self.pasted, self._verdict, self.use_pasted):
            layout.addWidget(widget)
        self.hide()

    def set_layer(self, layer: Any | None) -> None:
        """Ask for the angles of this layer; None asks for nothing."""
        self._layer = layer
        self.setVisible(layer is not None)
        if layer is not None:
            self._first.setValue(-self._step.value() * (layer.data.shape[0] - 1) / 2)
        self.pasted.clear()
        self._judge()

    def use_range(self) -> None:
        """Take first angle and step."""
        self._use(EvenAngles(first=self._first.value(), step=self._step.value()))

    def use_list(self) -> None:
        """Take the pasted angles."""
        with report_problem():
            self._use(parse_typed_angles(self.pasted.toPlainText()))

    def use_file(self, path: str) -> None:
        """Take the angles of a file."""
        self._use(path)

    @property
    def verdict(self) -> str:
        """What is said of the pasted angles."""
        return self._verdict.text()

    def _use(self, angles: AngleSource) -> None:
        with report_problem():
            self.entered.emit(series_from_layer(self._layer, angles))

    def _make_list(self) -> None:
        self.pasted = QPlainTextEdit()
        self.pasted.setPlaceholderText("−60, −57, −54, …")
        self.pasted.setToolTip(
            "Degrees with a decimal point, separated by commas, spaces or new lines;\n"
            "−60:3:60 stands for all angles on the way"
        )
        self.pasted.setAccessibleName("Tilt angles, one for each image")
        self.pasted.setStyleSheet(f"border: 1px solid {OUTLINE_COLOUR};")
        self.pasted.setTabChangesFocus(True)
        self.pasted.setFixedHeight(LINES * self.pasted.fontMetrics().lineSpacing() + 12)
        self._verdict = caption()
        self.use_pasted = QPushButton("Use these angles")
        self.use_pasted.clicked.connect(self.use_list)
        self.pasted.textChanged.connect(self._judge)

    def _judge(self) -> None:
        """Say of the pasted text whether it is what is needed."""
        needed = 0 if self._layer is None else self._layer.data.shape[0]
        try:
            verdict, fits = _describe(parse_typed_angles(self.pasted.toPlainText()), needed)
        except InputError as error:
            verdict, fits = str(error), False
        empty = not self.pasted.toPlainText().strip()
        self._verdict.setText(verdict)
        self._verdict.setVisible(not empty)
        self._verdict.setStyleSheet("" if fits else f"color: {ERROR_COLOUR};")
        why_not = "Type or paste the angles first." if empty else verdict
        explain(self.use_pasted, fits, why_not, "Use the angles above")

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Tilt angles", "", ANGLE_FILES)
        if path:
            self.use_file(path)


def _describe(angles: np.ndarray, needed: int) -> tuple[str, bool]:
    """A line about pasted angles, and whether they are as many as needed."""
    if not needed or len(angles) != needed:
        return f"{len(angles)} angles so far, but the stack has {needed} images.", False
    low, high = format_angle(angles.min()), format_angle(angles.max())
    return f"{needed} angles from {low} to {high}, one for each image.", True


def _angle(value: float, tip: str) -> QDoubleSpinBox:
    spin = number(low=-180.0, high=180.0, decimals=2, suffix="°", tip=tip)
    spin.setValue(value)
    return spin

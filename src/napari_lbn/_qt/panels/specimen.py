"""Pixel size and thickness."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QHBoxLayout, QWidget

from ..options import ANGSTROM_PER_NM, MIN_THICKNESS
from ..session import Session
from ..theme import WARNING_COLOUR, add_row, form
from .fields import count, number

MAX_THICKNESS = 8192


class SpecimenPanel(QWidget):
    """What the file may not tell: pixel size; and what no file tells: thickness."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.pixel_size = number(
            low=0.0,
            high=1000.0,
            decimals=3,
            suffix=" Å",
            tip="Pixel size of the tilt series as it is in the file",
            special="unknown",
        )
        self.thickness_px = count(
            low=MIN_THICKNESS,
            high=MAX_THICKNESS,
            suffix=" px",
            tip="Thickness of the tomogram, in pixels after binning. Take a little more than "
            "the ice.",
        )
        self.thickness_nm = number(
            low=1.0, high=10000.0, decimals=1, suffix=" nm", tip="The same thickness in nm"
        )
        thickness = QHBoxLayout()
        thickness.addWidget(self.thickness_px, 1)
        thickness.addWidget(self.thickness_nm, 1)
        fields = form()
        add_row(fields, "Pixel size", self.pixel_size)
        add_row(fields, "Thickness", thickness)
        self.setLayout(fields)
        self.pixel_size.valueChanged.connect(self._on_pixel_size)
        self.thickness_px.valueChanged.connect(self._on_thickness_px)
        self.thickness_nm.valueChanged.connect(lambda v: session.set_options(thickness_nm=v))

    def refresh(self) -> None:
        """Show the session's state in the fields."""
        series, options = self._session.series, self._session.options
        pixel_size = None if series is None else series.pixel_size
        fields = (self.pixel_size, self.thickness_px, self.thickness_nm)
        blockers = [QSignalBlocker(field) for field in fields]
        self.pixel_size.setValue(pixel_size or 0.0)
        missing = series is not None and pixel_size is None
        self.pixel_size.setStyleSheet(f"border: 1px solid {WARNING_COLOUR};" if missing else "")
        self.thickness_px.setValue(options.thickness(self._session.working_pixel_size))
        self.thickness_nm.setValue(options.thickness_nm)
        self.thickness_nm.setVisible(pixel_size is not None)
        del blockers

    def _on_pixel_size(self, value: float) -> None:
        series = self._session.series
        if series is not None:
            self._session.update_series(series.with_pixel_size(value or None))

    def _on_thickness_px(self, value: int) -> None:
        working = self._session.working_pixel_size
        if working is None:
            self._session.set_options(thickness_px=value)
        else:
            self._session.set_options(thickness_nm=value * working / ANGSTROM_PER_NM)

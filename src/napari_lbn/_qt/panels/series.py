"""What is known of the tilt series: size, angles, missing wedge, excluded tilts."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_lbn._napari.angle_text import format_angle
from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.geometry import angles_to_synthesize, interior_gaps
from napari_lbn.engine.tilt_series import TiltSeries

from ..options import Options
from ..session import Session
from ..theme import caption
from ..view_control import ViewControl
from .angle_strip import AngleStrip

NONE_FITS = (
    "No tilt to synthesize fits in at an increment of {step}: choose a smaller one (Advanced)."
)


def describe_series(series: TiltSeries) -> str:
    """One line: tilts, range, size, pixel size."""
    height, width = series.image_shape
    size = "pixel size unknown" if series.pixel_size is None else f"{series.pixel_size:g} Å/px"
    text = f"{series.n_tilts} tilts, {width} × {height} px, {size}"
    if series.history.get("angles_were_sorted"):
        text += "; sorted by angle"
    return f"{text}; {len(series.excluded)} excluded" if series.excluded else text


def format_step(degrees: float) -> str:
    """An increment without the digits that a measured one has beyond its accuracy."""
    return f"{degrees:.3g}°"


def describe_wedge(series: TiltSeries, synthesized: int, options: Options) -> str:
    """One or two lines: where data is missing and what will be synthesized."""
    wedge = series.wedge
    step = series.increment if options.increment is None else options.increment
    text = (
        f"Missing wedge: below {format_angle(wedge.stop - 180)} and above "
        f"{format_angle(wedge.start)} ({wedge.width:.0f}° of 180°)."
    )
    if synthesized:
        tilts = "1 tilt" if synthesized == 1 else f"{synthesized} tilts"
        text += f" {tilts} to synthesize, every {format_step(step)}."
    else:
        text += f" {NONE_FITS.format(step=format_step(step))}"
    gaps = len(interior_gaps(series.included_angles))
    if gaps:
        as_is = "left as it is" if gaps == 1 else "left as they are"
        state = "filled too" if options.fill_gaps else f"{as_is} (see Advanced)"
        text += f" {gaps} interior gap{'s' * (gaps > 1)}, {state}."
    return text


class SeriesPanel(QWidget):
    """Description, angle strip and missing wedge of the session's tilt series."""

    def __init__(
        self, session: Session, viewer: Any, views: ViewControl, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._viewer = viewer
        self._views = views
        self._description = caption()
        self._wedge = caption()
        self.strip = AngleStrip()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._description)
        layout.addWidget(self.strip)
        layout.addWidget(self._wedge)
        self.strip.toggled.connect(self.toggle_tilt)
        self.strip.chosen.connect(views.look_at)
        session.series_changed.connect(self.refresh)
        session.options_changed.connect(self.refresh)
        session.view_changed.connect(self.follow_viewer)
        session.running_changed.connect(lambda running: self.strip.set_editable(not running))
        viewer.dims.events.point.connect(self.follow_viewer)
        self.refresh()

    def disconnect_viewer(self) -> None:
        """Stop listening to the viewer; harmless when called again."""
        self._viewer.dims.events.point.disconnect(self.follow_viewer)

    def refresh(self, *_: Any) -> None:
        """Show the session's series as it is now."""
        series = self._session.series
        self.setVisible(series is not None)
        if series is None:
            return
        options = self._session.options
        try:
            new = angles_to_synthesize(
                series.included_angles, increment=options.increment, fill_gaps=options.fill_gaps
            )
            wedge = describe_wedge(series, len(new), options)
        except LBNError:  # fewer than two tilts left: the messages say so
            new, wedge = np.empty(0), ""
        self._description.setText(describe_series(series))
        self._wedge.setText(wedge)
        self._wedge.setVisible(bool(wedge))
        self.strip.set_tilts(series.angles, series.excluded, new)
        self.follow_viewer()

    def toggle_tilt(self, index: int) -> None:
        """Exclude a tilt, or bring it back; its image stays untouched."""
        series = self._session.series
        if series is not None:
            self._session.update_series(series.with_excluded(series.excluded ^ {index}))

    def follow_viewer(self, event: Any = None) -> None:
        """Mark the tilt that the viewer shows."""
        self.strip.set_current(self._views.displayed_angle())

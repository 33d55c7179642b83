"""The angle strip: every tilt at its angle, measured, excluded or to be synthesized."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_lbn._napari.angle_text import SYNTHESIZED_COLOUR, format_angle

MEASURED = QColor("#9aa0a8")
SYNTHESIZED = QColor(SYNTHESIZED_COLOUR)
HALF_RANGE = 90.0
MARGIN = 14.0
BAR_TOP = 10.0
BAR_HEIGHT = 30.0
HEIGHT = 62
TICKS = (-90, -60, -30, 0, 30, 60, 90)
REACH = 8.0
"""Pixels from a bar within which a click means that bar."""


class AngleStrip(QWidget):
    """Tilts as bars over -90 to 90 degrees.

    Measured tilts are grey, synthesized ones coloured, excluded ones hollow. A click, or
    Space on the keyboard, excludes a measured tilt or brings it back; the arrow keys move.

    Signals
    -------
    toggled(int)
        The user wants this measured tilt excluded, or back.
    chosen(float)
        The user wants to see the tilt at this angle.
    """

    toggled = Signal(int)
    chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._angles = np.zeros(0)
        self._excluded: frozenset[int] = frozenset()
        self._synthesized = np.zeros(0)
        self._current: float | None = None
        self._editable = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Tilt angles")
        self.setAccessibleDescription(
            "Arrow keys choose a tilt, Space excludes it or brings it back."
        )

    def set_tilts(
        self, angles: Iterable[float], excluded: Iterable[int], synthesized: Iterable[float]
    ) -> None:
        """Show these tilts.

        Parameters
        ----------
        angles : iterable of float
            Measured angles in degrees, ascending.
        excluded : iterable of int
            Which of them are excluded.
        synthesized : iterable of float
            Angles that are or will be synthesized.
        """
        self._angles = np.asarray(list(angles), float)
        self._excluded = frozenset(excluded)
        self._synthesized = np.asarray(list(synthesized), float)
        self.update()

    def set_current(self, angle: float | None) -> None:
        """Mark the tilt that the viewer shows."""
        self._current = angle
        self.update()

    def set_editable(self, editable: bool) -> None:
        """Whether tilts can be excluded now (not while a job runs)."""
        self._editable = editable

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for bars and labels."""
        return QSize(300, HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Still legible at this width."""
        return QSize(200, HEIGHT)

    def position(self, angle: float) -> float:
        """Horizontal place of an angle, in pixels."""
        width = self.width() - 2 * MARGIN
        return MARGIN + (angle + HALF_RANGE) / (2 * HALF_RANGE) * width

    def tilt_at(self, x: float) -> int | None:
        """The measured tilt nearest to a horizontal place, None where none is near."""
        if self._angles.size == 0:
            return None
        places = np.array([self.position(angle) for angle in self._angles])
        nearest = int(np.argmin(np.abs(places - x)))
        if abs(places[nearest] - x) > max(REACH, self._bar_width()):
            return None
        return None if self._is_nearer_to_synthesized(x, places[nearest]) else nearest

    def angle_at(self, x: float) -> float | None:
        """The angle of the bar nearest to a horizontal place, None where none is near."""
        angles = self._all_angles()
        if angles.size == 0:
            return None
        places = np.array([self.position(angle) for angle in angles])
        nearest = int(np.argmin(np.abs(places - x)))
        near = abs(places[nearest] - x) <= max(REACH, self._bar_width())
        return float(angles[nearest]) if near else None

    def describe(self, x: float) -> str:
        """What lies at a horizontal place, for the tooltip."""
        tilt, angle = self.tilt_at(x), self.angle_at(x)
        if angle is None:
            return ""
        if tilt is None:
            return f"{format_angle(angle)}: synthesized"
        state = "excluded; click to bring it back" if tilt in self._excluded else "measured"
        hint = "" if tilt in self._excluded else "; click to exclude"
        return f"{format_angle(self._angles[tilt])} (tilt {tilt + 1}): {state}{hint}"

    def paintEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Draw the bars, the axis and the mark of the tilt on the screen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().windowText().color()
        self._paint_axis(painter, ink)
        width = self._bar_width()
        for angle in self._synthesized:
            self._paint_bar(painter, angle, SYNTHESIZED, width)
        for index, angle in enumerate(self._angles):
            hollow = index in self._excluded
            self._paint_bar(painter, angle, MEASURED, width, hollow=hollow)
        if self._current is not None:
            self._paint_mark(painter, self._current, ink)
        if self.hasFocus():
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1))
        painter.end()

    def _is_nearer_to_synthesized(self, x: float, place: float) -> bool:
        places = [self.position(angle) for angle in self._synthesized]
        return bool(places) and min(abs(p - x) for p in places) < abs(place - x)

    def _all_angles(self) -> np.ndarray:
        """Measured and synthesized angles, ascending."""
        return np.sort(np.concatenate([self._angles, self._synthesized]))

    def _current_tilt(self) -> int | None:
        """The measured tilt that is marked, None where a synthesized one is."""
        if self._current is None:
            return None
        same = np.flatnonzero(np.isclose(self._angles, self._current, atol=1e-6))
        return int(same[0]) if same.size else None

    def _bar_width(self) -> float:
        """Pixels; bars touch neither each other nor vanish."""
        both = self._all_angles()
        if both.size < 2:
            return 4.0
        step = float(np.median(np.diff(both)))
        return float(np.clip(0.62 * (self.position(step) - self.position(0)), 1.5, 8.0))

    def _paint_bar(
        self,
        painter: QPainter,
        angle: float,
        colour: QColor,
        width: float,
        *,
        hollow: bool = False,
    ) -> None:
        bar = QRectF(self.position(angle) - width / 2, BAR_TOP, width, BAR_HEIGHT)
        if hollow:
            painter.setPen(QPen(colour, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
        painter.drawRect(bar)

    def _paint_mark(self, painter: QPainter, angle: float, ink: QColor) -> None:
        x = self.position(angle)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawPolygon(QPolygonF([QPointF(x - 5, 1), QPointF(x + 5, 1), QPointF(x, 8)]))

    def _paint_axis(self, painter: QPainter, ink: QColor) -> None:
        faint = QColor(ink)
        faint.setAlphaF(0.6)
        painter.setPen(QPen(faint, 1))
        bottom = BAR_TOP + BAR_HEIGHT + 2
        painter.drawLine(QPointF(MARGIN, bottom), QPointF(self.width() - MARGIN, bottom))
        font = self.font()
        font.setPointSizeF(max(font.pointSizeF() * 0.8, 6.5))
        painter.setFont(font)
        for tick in TICKS:
            x = self.position(tick)
            painter.drawLine(QPointF(x, bottom), QPointF(x, bottom + 3))
            room = QRectF(x - 24, bottom + 3, 48, self.height() - bottom - 3)
            room.moveLeft(min(max(room.left(), -8), self.width() - 40))
            painter.drawText(room, Qt.AlignmentFlag.AlignHCenter, f"{tick}°".replace("-", "−"))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Exclude the tilt under the pointer, or bring it back."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        tilt, angle = self.tilt_at(x), self.angle_at(x)
        if angle is not None:
            self.set_current(angle)
            self.chosen.emit(angle)
        if tilt is not None and self._editable:
            self.toggled.emit(tilt)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Arrow keys choose a tilt; Space and Return exclude it or bring it back."""
        angles = self._all_angles()
        if event is None or angles.size == 0:
            return
        last = angles.size - 1
        current = 0.0 if self._current is None else self._current
        at = int(np.argmin(np.abs(angles - current)))
        moves = {
            Qt.Key.Key_Left: max(at - 1, 0),
            Qt.Key.Key_Right: min(at + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if event.key() in moves:
            angle = float(angles[moves[Qt.Key(event.key())]])
            self.set_current(angle)
            self.chosen.emit(angle)
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            tilt = self._current_tilt()
            if self._editable and tilt is not None:
                self.toggled.emit(tilt)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Tooltips tell the angle under the pointer."""
        if event is not None and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.describe(event.pos().x()), self)
            return True
        return super().event(event)

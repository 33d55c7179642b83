"""Arrays as pictures that grow with the dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray


def limits_of(image: NDArray[np.float32], share: float = 1.0) -> tuple[float, float]:
    """Contrast limits that leave out `share` per cent at both ends."""
    low, high = (float(v) for v in np.percentile(image, (share, 100 - share)))
    return (low, high) if high > low else (low, low + 1.0)


def as_grey(image: NDArray[np.float32], limits: tuple[float, float]) -> QImage:
    """An array ``(y, x)`` as a grey picture, row 0 on top."""
    low, high = limits
    levels = np.clip((image - low) / (high - low), 0, 1) * 255
    grey = np.ascontiguousarray(np.nan_to_num(levels), dtype=np.uint8)
    height, width = grey.shape
    picture = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    return picture.copy()  # the array's memory is not Qt's


class Picture(QWidget):
    """One picture, as wide as there is room, never distorted."""

    def __init__(self, tip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: QImage | None = None
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_image(self, image: NDArray[np.float32], limits: tuple[float, float]) -> None:
        """Show an array ``(y, x)``."""
        self._picture = as_grey(image, limits)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """No width asked for, and the height that belongs to the width it has."""
        if self._picture is None:
            return QSize(0, 0)
        aspect = self._picture.height() / self._picture.width()
        return QSize(0, round(self.width() * aspect))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Never cut."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Another width asks for another height."""
        super().resizeEvent(event)
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw it smoothly: what is made smaller is averaged, as the eye would."""
        if self._picture is None:
            return
        ratio = self.devicePixelRatioF()
        size = QSize(round(self.width() * ratio), round(self.height() * ratio))
        scaled = self._picture.scaled(
            size,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        scaled.setDevicePixelRatio(ratio)
        painter = QPainter(self)
        painter.drawImage(QRect(0, 0, self.width(), self.height()), scaled)
        painter.end()

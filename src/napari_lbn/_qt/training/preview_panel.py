"""The fixed preview: a held-out tilt that the network predicts, and a section of the tomogram."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_lbn._napari.angle_text import format_angle

from ..theme import caption
from .pictures import Picture, limits_of
from .status import TrainingStatus

TILT = (
    ("measured", "Held out: the network never saw this tilt"),
    ("predicted", "From the other tilts, by the network"),
    ("residual", "Measured minus predicted: noise, and what the network missed"),
)
ENLARGED = (900, 800)


class PreviewPanel(QWidget):
    """Pictures that follow the status.

    Parameters
    ----------
    status : TrainingStatus
    enlargeable : bool
        Offer the same pictures in a window of their own.
    """

    def __init__(
        self, status: TrainingStatus, *, enlargeable: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._status = status
        self._window: QWidget | None = None
        self.title = caption()
        self.pictures: dict[str, Picture] = {name: Picture(tip) for name, tip in TILT}
        self.pictures["before"] = Picture("XZ section with the weights at the start")
        self.pictures["after"] = Picture("The same section with the weights that are shown")
        self._names = {name: QLabel(name) for name in self.pictures}
        self.enlarge = QPushButton("Enlarge")
        self.enlarge.setToolTip("The preview in a window of its own")
        self.enlarge.setVisible(enlargeable)
        self._enlargeable = enlargeable
        self._lay_out()
        self.enlarge.clicked.connect(self.open_window)
        status.events.shown.connect(self.refresh)
        status.events.before.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the status's preview."""
        before, shown = self._status.before, self._status.shown
        self.setVisible(shown is not None)
        if shown is None:
            return
        limits = limits_of(shown.measured)
        half = (limits[1] - limits[0]) / 2
        self.pictures["measured"].set_image(shown.measured, limits)
        self.pictures["predicted"].set_image(shown.predicted, limits)
        self.pictures["residual"].set_image(shown.residual, (-half, half))
        start = shown if before is None else before
        across = limits_of(start.section)
        self.pictures["before"].set_image(start.section, across)
        self.pictures["after"].set_image(shown.section, across)
        self._names["before"].setText("XZ before training")
        later = "XZ after the next epoch"
        self._names["after"].setText(f"XZ {name_epoch(shown.epoch)}" if shown.epoch else later)
        self.pictures["after"].setVisible(shown.epoch > 0)
        self.title.setText(self._describe(start, shown))

    def open_window(self) -> None:
        """The same pictures, larger, in a window that stays on top of napari's."""
        if self._window is None:
            window = PreviewPanel(self._status, enlargeable=False, parent=self)
            window.setWindowFlags(Qt.WindowType.Window)
            window.setWindowTitle("LBN training: preview")
            window.resize(*ENLARGED)
            self._window = window
        self._window.show()
        self._window.raise_()

    def _lay_out(self) -> None:
        tilts, sections = QGridLayout(), QGridLayout()
        tilts.setSpacing(4)
        sections.setSpacing(4)
        for column, (name, _) in enumerate(TILT):
            tilts.addWidget(self._names[name], 0, column)
            tilts.addWidget(self.pictures[name], 1, column)
            tilts.setColumnStretch(column, 1)
        # beside each other in the narrow dock, below each other in a window
        for index, name in enumerate(("before", "after")):
            row, column = (0, index) if self._enlargeable else (2 * index, 0)
            sections.addWidget(self._names[name], row, column)
            sections.addWidget(self.pictures[name], row + 1, column)
            sections.setColumnStretch(column, 1)
        layout = QVBoxLayout(self)
        margin = 0 if self._enlargeable else 8
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.addWidget(self.title)
        layout.addLayout(tilts)
        layout.addLayout(sections)
        layout.addWidget(self.enlarge)
        if not self._enlargeable:
            layout.addStretch(1)

    def _describe(self, before: Any, shown: Any) -> str:
        text = f"{shown.name}, held-out tilt at {format_angle(shown.angle)}: correlation "
        if shown.epoch == 0:
            return f"{text}{before.correlation:.3f} before training."
        return (
            f"{text}{before.correlation:.3f} before training, "
            f"<b>{shown.correlation:.3f}</b> {name_epoch(shown.epoch)}."
        )


def name_epoch(epoch: int) -> str:
    """How far the weights of a preview are trained."""
    return "before training" if epoch == 0 else f"after epoch {epoch}"

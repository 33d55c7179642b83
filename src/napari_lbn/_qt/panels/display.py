"""What the viewer shows of a result: alpha, layers, section, orientation, contrast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_lbn._napari.views import FLIPPED, OF_TILTS

from ..session import Session
from ..theme import add_row, explain, form
from .fields import AVERAGE_TIP, average_box

FLIP_KEY = "F"
DENOISED_TIP = (
    "Of the network's tilts at all angles, synthesized throughout: for the eye, not for measuring"
)
NO_RESULT = "Available once a correction has run."


def segmented(
    entries: Sequence[tuple[str, str, str]], group: QButtonGroup
) -> tuple[QHBoxLayout, dict[str, QPushButton]]:
    """Buttons side by side of which one is down: (value, label, tooltip)."""
    row = QHBoxLayout()
    row.setSpacing(2)
    buttons = {}
    for value, label, tip in entries:
        button = QPushButton(label)
        button.setCheckable(True)
        button.setProperty("tip", tip)
        button.setToolTip(tip)
        button.setMinimumWidth(10)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        group.addButton(button)
        row.addWidget(button)
        buttons[value] = button
    return row, buttons


class DisplayPanel(QWidget):
    """Alpha slider, view buttons, section buttons and display switches."""

    def __init__(self, session: Session, views: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._views = views
        self._make_alpha()
        self._views_group, self._sections_group = QButtonGroup(self), QButtonGroup(self)
        tilts, tilt_buttons = segmented(
            [
                ("measured", "Measured", "The tilt series as it is in the file"),
                ("tilts", "LBN", "The network's tilts over the whole range"),
            ],
            self._views_group,
        )
        tomograms, tomogram_buttons = segmented(
            [
                ("wbp", "WBP", "Tomogram of the measured tilts only"),
                ("lbn", "+ LBN", "Tomogram of measured and synthesized tilts"),
                ("both", "Both", "Side by side, contrast linked"),
                ("difference", "Diff", "What the synthesized tilts add"),
                ("denoised", "Denoised", DENOISED_TIP),
            ],
            self._views_group,
        )
        sections, self._section_buttons = segmented(
            [
                ("xz", "XZ", "Sections across the ice: here the missing wedge shows"),
                ("xy", "XY", "Sections parallel to the grid"),
            ],
            self._sections_group,
        )
        self._view_buttons = {**tilt_buttons, **tomogram_buttons}
        self.imod = QCheckBox("IMOD orientation")
        self.imod.setToolTip("y points up. Turns the camera; the data is not flipped")
        self.inverted = QCheckBox("Inverted contrast")
        self.inverted.setToolTip("Shows dense material bright; the data keeps its polarity")
        self.average = average_box(self._views.average)
        sections.addWidget(self.average)
        rows = form()
        add_row(rows, "α", self.alpha)
        add_row(rows, "Tilts", tilts)
        add_row(rows, "Tomogram", tomograms)
        add_row(rows, "Section", sections)
        switches = QHBoxLayout()
        switches.addWidget(self.imod)
        switches.addWidget(self.inverted)
        rows.addRow(switches)
        self.setLayout(rows)
        rows.setContentsMargins(0, 0, 0, 0)
        self._connect()
        self.follow_camera()
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Enable what there is something to show for."""
        roles = self._views.roles()
        self._views_group.setExclusive(False)  # a spread is shown: none of these is down
        for view, button in self._view_buttons.items():
            needed = {"both": {"wbp", "lbn"}, "difference": {"lbn"}}.get(view, {view})
            tip = str(button.property("tip"))
            if view in FLIPPED and view not in ("difference", "denoised"):
                tip += f" ({FLIP_KEY} flips)"
            explain(button, needed <= roles, NO_RESULT, tip)
            button.setChecked(view == self._session.view and needed <= roles)
        self._views_group.setExclusive(True)
        self._view_buttons["denoised"].setVisible("denoised" in roles)
        blended = "lbn" in roles
        explain(self.alpha, blended, NO_RESULT, self.alpha_tip)
        tilts = self._session.view in OF_TILTS
        self._sections_group.setExclusive(not tilts)  # neither section is down beside tilts
        explain(self.average, bool(roles & {"wbp", "lbn"}), NO_RESULT, AVERAGE_TIP)
        with QSignalBlocker(self.average), QSignalBlocker(self.inverted):
            self.average.setValue(self._views.average)
            self.inverted.setChecked(self._views.inverted)
        for section, button in self._section_buttons.items():
            explain(button, bool(roles & {"wbp", "lbn"}), NO_RESULT, str(button.property("tip")))
            button.setChecked(section == self._views.section and not tilts)

    def follow_camera(self, event: Any = None) -> None:
        """Tick the orientation that the camera has; another dock may have turned it."""
        with QSignalBlocker(self.imod):
            self.imod.setChecked(self._views.imod_orientation)

    def _make_alpha(self) -> None:
        self.alpha_tip = (
            "Share of the synthesized part: 0 is plain WBP, 1 the tomogram of all tilts. "
            "Saved tomograms use it."
        )
        self.alpha = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.alpha.setRange(0.0, 1.0)
        self.alpha.setDecimals(2)
        self.alpha.setSingleStep(0.05)
        self.alpha.setValue(self._session.alpha)
        self.alpha.setAccessibleName("Share of the synthesized part")

    def _connect(self) -> None:
        session = self._session
        self.alpha.valueChanged.connect(session.set_alpha)
        session.alpha_changed.connect(self.alpha.setValue)
        session.view_changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)
        session.series_changed.connect(self.refresh)
        for view, button in self._view_buttons.items():
            button.clicked.connect(lambda _=False, view=view: self._views.show(view))
        for section, button in self._section_buttons.items():
            button.clicked.connect(lambda _=False, section=section: self._views.cut(section))
        self.average.valueChanged.connect(lambda pixels: self._views.set_average(pixels | 1))
        self.imod.toggled.connect(self._views.set_imod_orientation)
        self.inverted.toggled.connect(self._views.set_inverted)

"""Buttons that show a disagreement: its tilts, its tomogram, or that beside the corrected one."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from ..panels.display import segmented
from ..session import Session
from ..theme import add_row, explain, form

NOT_YET = "Available once the disagreement was measured."
NO_TOMOGRAM = "Needs a corrected tomogram too."
BESIDE = "lbn and spread"


class SpreadViews(QWidget):
    """One row of buttons.

    Parameters
    ----------
    session : Session
    views : ViewControl
    """

    def __init__(self, session: Session, views: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._views = session, views
        self._group = QButtonGroup(self)
        row, self.buttons = segmented(
            [
                ("spread tilts", "Tilts", "Spread of each synthesized tilt"),
                (
                    "spread",
                    "Tomogram",
                    "Spread over the strength of what is added, in regions",
                ),
                (BESIDE, "Beside + LBN", "Tomogram and its spread side by side"),
            ],
            self._group,
        )
        rows = form()
        add_row(rows, "Show", row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        for view, button in self.buttons.items():
            button.clicked.connect(lambda _=False, view=view: self.show_view(view))

    def refresh(self) -> None:
        """Enable what there is to show."""
        roles, view = self._views.roles(), self._session.view
        self._group.setExclusive(False)
        for name, button in self.buttons.items():
            needed = {"lbn", "spread"} if name == BESIDE else {name}
            why = NO_TOMOGRAM if "spread" in roles else NOT_YET
            explain(button, needed <= roles, why, str(button.property("tip")))
            button.setChecked(name == view and needed <= roles)
        self._group.setExclusive(True)

    def show_view(self, view: Any) -> None:
        """Show it; of tilts a synthesized one, for measured ones have no spread."""
        self._views.show(view)
        if view != "spread tilts" or self._session.spread is None:
            return
        extent = self._session.spread.extent
        angles = np.asarray(extent.angles)[np.asarray(extent.synthesized)]
        now = self._views.displayed_angle()
        if now is not None and angles.size:
            self._views.look_at(float(angles[np.abs(angles - now).argmin()]))

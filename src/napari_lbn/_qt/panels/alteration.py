"""A line below the button: what the run changed outside the missing wedge."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..session import Session
from ..theme import caption


class AlterationPanel(QWidget):
    """The number for the run that is displayed; hidden while there is none, or another runs."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = caption()
        self.text.setToolTip("Measured tilts are used as they are. Less than 1 % is leakage.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self._session = session
        session.result_changed.connect(self.show_result)
        session.running_changed.connect(lambda _: self.show_result(session.result))
        self.show_result(session.result)

    def show_result(self, result: Any) -> None:
        """Say what this result changed; None for no result."""
        found = None if result is None else result.alteration
        # no line may end between a number and its unit
        self.text.setText("" if found is None else found.sentence.replace(" %", "\u00a0%"))
        self.setVisible(found is not None and not self._session.running)

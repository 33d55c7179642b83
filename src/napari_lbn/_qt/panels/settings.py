"""What the correction is told: specimen, model, two ticks, and the rest folded away."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..session import Session
from ..theme import SPACING
from .advanced import AdvancedPanel
from .extras import ExtrasPanel
from .model import ModelPanel
from .specimen import SpecimenPanel


class SettingsPanel(QWidget):
    """Shows the session's options and follows them; nothing can be changed during a run."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.specimen = SpecimenPanel(session)
        self.model = ModelPanel(session)
        self.extras = ExtrasPanel(session)
        self.advanced = AdvancedPanel(session)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for panel in (self.specimen, self.model, self.extras, self.advanced):
            layout.addWidget(panel)
        for signal in (
            session.series_changed,
            session.options_changed,
            session.planned_changed,
            session.running_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the session's state in the fields."""
        self.setEnabled(self._session.series is not None and not self._session.running)
        self.specimen.refresh()
        self.extras.refresh()
        self.advanced.refresh()

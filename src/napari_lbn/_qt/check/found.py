"""What a check has found: its verdict in words, the plot, and the button that saves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..theme import caption, show_text
from .report_button import ReportButton
from .scores_plot import ScoresPlot
from .words import notes_text, verdict_text, weights_text


@dataclass(frozen=True, kw_only=True)
class Found:
    """A finished check, as it is kept with its tilt series.

    Attributes
    ----------
    evaluation : Evaluation
    weights : str
        Those that were judged.
    scores : tuple of Score
        Of every hidden tilt.
    """

    evaluation: Any
    weights: str
    scores: tuple[Any, ...]


class FoundPanel(QWidget):
    """Grows while scores arrive; what is empty is not shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: Found | None = None
        self.weights, self.verdict, self.notes = caption(), caption(), caption()
        self.plot = ScoresPlot()
        self.save_button = ReportButton()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.weights, self.verdict, self.plot, self.notes, self.save_button):
            layout.addWidget(widget)
        self.clear()

    def clear(self) -> None:
        """Nothing has been found yet."""
        self.found = None
        self.plot.clear()
        for text in (self.weights, self.verdict, self.notes):
            show_text(text, "")
        self._offer()

    def add(self, scores: Sequence[Any]) -> bool:
        """Show these scores too; whether they are the first."""
        first = not self.plot.scores
        self.plot.add(scores)
        self._offer()
        return first

    def finish(self, evaluation: Any, weights: str) -> Found:
        """All scores are there; what is to be kept of it."""
        found = Found(evaluation=evaluation, weights=weights, scores=tuple(self.plot.scores))
        self._show(found)
        return found

    def restore(self, found: Found) -> None:
        """Show a check that was finished before."""
        self.clear()
        self.plot.add(found.scores)
        self._show(found)

    def name_weights(self, chosen: str) -> None:
        """Say of which weights the verdict is: others may be chosen since."""
        if self.found is not None:
            show_text(self.weights, weights_text(self.found.weights, chosen))

    def _show(self, found: Found) -> None:
        self.found = found
        show_text(self.verdict, verdict_text(found.evaluation))
        show_text(self.notes, notes_text(found.evaluation))
        self.plot.finish(found.evaluation.hold_outs)
        self._offer()

    def _offer(self) -> None:
        self.save_button.setVisible(bool(self.plot.scores))
        self.save_button.offer(None if self.found is None else self.found.evaluation)

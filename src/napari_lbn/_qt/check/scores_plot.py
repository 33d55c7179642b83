"""Scores of hidden tilts over the tilt angle, with the choice of what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from ..theme import caption
from .plot import Plot

DASHED = "Dashed: low-passed, as wide as predicts visible tilts best."
HEIGHT = 300
REDRAW = 700
"""Milliseconds between drawings while scores arrive."""
SCALES = (
    ("full resolution", "full"),
    ("2 × 2 mean", "2x2"),
    ("4 × 4 mean", "4x4"),
    ("field of view", "view"),
)


class ScoresPlot(QWidget):
    """A plot that grows while scores arrive; shown once there is one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scores: list[Any] = []
        self._ceilings: tuple[Any, ...] = ()
        self.plot = Plot(HEIGHT)
        self.kind, self.scale = QComboBox(), QComboBox()
        for label, value in SCALES:
            self.scale.addItem(label, value)
        for chooser, name in ((self.kind, "Hidden tilts"), (self.scale, "Resolution")):
            chooser.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            chooser.setAccessibleName(name)
        choosers = QHBoxLayout()
        choosers.addWidget(self.kind, 3)
        choosers.addWidget(self.scale, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(choosers)
        layout.addWidget(self.plot)
        layout.addWidget(caption(DASHED))
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW)
        self._redraw.timeout.connect(self.draw)
        self.scale.currentIndexChanged.connect(self.draw)
        self.kind.currentIndexChanged.connect(self.draw)
        self.clear()

    def clear(self) -> None:
        """Forget every score."""
        self.scores, self._ceilings = [], ()
        self.kind.clear()
        self.plot.hide()
        self.hide()

    def add(self, scores: Sequence[Any]) -> None:
        """Show these too, soon."""
        self.scores.extend(scores)
        self._offer_kinds(scores)
        self.show()
        if not self._redraw.isActive():
            self._redraw.start()

    def finish(self, result: Any) -> None:
        """All scores are there, and the noise ceiling with them."""
        self._ceilings = result.ceilings
        self.draw()

    def draw(self, *_: object) -> None:
        """Draw the chosen hold-out at the chosen resolution."""
        if not self.scores:
            return
        from napari_lbn.engine.evaluation.hold_out.scores import HoldOutResult
        from napari_lbn.engine.evaluation.prediction.predictors import LOW_PASSED
        from napari_lbn.engine.evaluation.report.figures import draw_angles

        value, scale = self.kind.currentData(), self.scale.currentData()
        chosen = tuple(s for s in self.scores if value in {s.kind, s.fold})
        result = HoldOutResult(scores=chosen, ceilings=self._ceilings)

        def paint(axes: Any) -> None:
            draw_angles(axes, result, scale=scale)
            # dashed lines are the low-passed ones of the same colour, which the caption says
            shown = [line for line in axes.lines if LOW_PASSED not in str(line.get_label())]
            axes.set_ylabel("correlation")
            axes.figure.legend(handles=shown, ncols=2, loc="outside lower center")

        self.plot.draw(paint)

    def _offer_kinds(self, scores: Sequence[Any]) -> None:
        """Each kind of hold-out once its first score is there."""
        from napari_lbn.engine.evaluation.result import hold_out_title

        for score in scores:
            value = score.fold if score.kind == "edge" else score.kind
            if self.kind.findData(value) < 0:
                # as much as a narrow dock has room for
                short = hold_out_title(value).partition(",")[0].replace("tilt hidden", "tilt")
                self.kind.addItem(short, value)

"""Panel "Check": one button, a sentence in plain words, a plot over the tilt angle."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Event, Progress

from ..background import as_job
from ..jobs import JobRunner
from ..messages import notify_error, notify_info
from ..session import Session
from ..theme import caption, explain
from .job import run_check, save_report
from .plot import Plot
from .ready import why_not

START, CANCEL = "Check on hidden tilts", "Cancel"
ADAPTING = (
    "With the tick above, the weights are adapted anew to the visible tilts of each of some eight "
    "folds: up to {minutes:g} min each."
)
PURPOSE = "Hides measured tilts, predicts them, and compares with WBP and interpolation."
DASHED = "Dashed: low-passed as predicts visible tilts best."
NOT_YET = "Available once a check has run."
STEPS = 1000
REDRAW = 700
"""Milliseconds between drawings while scores arrive."""
SCALES = (("full resolution", "full"), ("averaged 2 × 2", "2x2"), ("averaged 4 × 4", "4x4"))


def in_paragraphs(sentences: list[str]) -> str:
    """Sentences as rich text, the first one, which counts most, in bold."""
    first, *others = (html.escape(sentence) for sentence in sentences)
    return "".join([f"<p><b>{first}</b></p>", *(f"<p>{text}</p>" for text in others)])


class CheckPanel(QWidget):
    """Hold-outs of the session's series with its planned settings.

    Parameters
    ----------
    session : Session
    check : callable, optional
        Given series, settings and a cancel token, makes the job; tests give another.
    """

    def __init__(
        self,
        session: Session,
        *,
        check: Callable[..., Any] = run_check,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._check = check
        self._scores: list[Any] = []
        self._result: Any = None
        self._blocked = ""
        self.evaluation: Any = None
        self.runner, self._saver = JobRunner(self), JobRunner(self)
        self._make_widgets()
        self._lay_out()
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW)
        self._redraw.timeout.connect(self._draw)
        self._connect()
        self.refresh()

    @property
    def runners(self) -> list[JobRunner]:
        """Jobs that the dock ends when it closes."""
        return [self.runner, self._saver]

    def _make_widgets(self) -> None:
        self._purpose = caption(PURPOSE)
        self.button = QPushButton(START)
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._bar.hide()
        self.status, self.verdict = caption(), caption()
        self.plot = Plot()
        self.scale, self.kind = QComboBox(), QComboBox()
        for label, value in SCALES:
            self.scale.addItem(label, value)
        self.save_button = QPushButton("Save report…")
        self._dashed = caption(DASHED)
        self._choosers = (self.kind, self.scale, self.save_button, self._dashed)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for chooser in (self.kind, self.scale, self.save_button):
            chooser.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row.addWidget(self.scale)
        row.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._purpose, self.button, self._bar, self.status, self.verdict):
            layout.addWidget(widget)
        layout.addWidget(self.kind)
        layout.addWidget(self.plot)
        layout.addWidget(self._dashed)
        layout.addLayout(row)

    def _connect(self) -> None:
        session = self._session
        self.button.clicked.connect(self._on_click)
        self.save_button.clicked.connect(self._on_save)
        self.scale.currentIndexChanged.connect(self._draw)
        self.kind.currentIndexChanged.connect(self._draw)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(lambda: self._say("Cancelled."))
        self.runner.running_changed.connect(self._on_running)
        self._saver.succeeded.connect(self._on_saved)
        self._saver.failed.connect(notify_error)
        session.planned_changed.connect(self.refresh)
        session.running_changed.connect(self.refresh)
        session.series_changed.connect(self._on_series)

    def refresh(self, *_: object) -> None:
        """Enable the button, or say why it is not."""
        self._purpose.setText(self._purpose_now())
        if self.runner.running:
            explain(self.button, True, "", "Stop the check")
            return
        why = why_not(self._session) or self._blocked
        explain(self.button, not why, why, PURPOSE)
        for widget in self._choosers:
            widget.setVisible(bool(self._scores))
        explain(self.save_button, self.evaluation is not None, NOT_YET, "Figures, tables, HTML")

    def _purpose_now(self) -> str:
        """What a check does, and that adapting in it takes its time."""
        minutes = self._session.options.adapt_minutes
        return f"{PURPOSE} {ADAPTING.format(minutes=minutes)}" if minutes else PURPOSE

    def block(self, reason: str) -> None:
        """Say why nothing can be checked for now; empty once it can."""
        self._blocked = reason
        self.refresh()

    def _on_click(self) -> None:
        if self.runner.running:
            self.button.setEnabled(False)
            self.runner.cancel()
            return
        series, planned, check = self._session.series, self._session.planned, self._check
        if series is None or planned is None:
            return
        self._clear()
        self.runner.start(lambda cancel: check(series, planned.settings, cancel))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._bar.setValue(round(event.fraction * STEPS))
            self._say(event.stage)
            return
        scores = getattr(event, "scores", None)
        if scores:
            self._scores.extend(scores)
            self._offer_kinds()
            if not self._redraw.isActive():
                self._redraw.start()

    def _on_succeeded(self, evaluation: Any) -> None:
        self.evaluation = evaluation
        self._result = evaluation.hold_outs
        self.verdict.setText(in_paragraphs(evaluation.sentences))
        self._say("")
        self._draw()
        self.refresh()

    def _on_failed(self, error: LBNError) -> None:
        notify_error(error)
        self._say(str(error))

    def _on_running(self, running: bool) -> None:
        self._bar.setVisible(running)
        self._bar.setValue(0)
        self.button.setText(CANCEL if running else START)
        self.refresh()

    def _on_series(self, *_: object) -> None:
        """Another series: what was found no longer holds."""
        self.runner.drop()
        self._clear()
        self.refresh()

    def _clear(self) -> None:
        self._scores, self._result, self.evaluation = [], None, None
        self.verdict.setText("")
        self.kind.clear()
        self.plot.hide()
        self._say("")

    def _say(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _offer_kinds(self) -> None:
        """Each kind of hold-out once its first score is there."""
        from napari_lbn.engine.evaluation.result import hold_out_title

        for score in self._scores[self.kind.count() :]:
            value = score.fold if score.kind == "edge" else score.kind
            if self.kind.findData(value) < 0:
                self.kind.addItem(hold_out_title(value), value)
        self.refresh()
        for widget in self._choosers:
            widget.setVisible(True)

    def _draw(self, *_: object) -> None:
        if not self._scores:
            return
        from napari_lbn.engine.evaluation.figures import draw_angles
        from napari_lbn.engine.evaluation.predictors import LOW_PASSED
        from napari_lbn.engine.evaluation.scores import HoldOutResult

        value, scale = self.kind.currentData(), self.scale.currentData()
        chosen = tuple(s for s in self._scores if value in {s.kind, s.fold})
        ceilings = () if self._result is None else self._result.ceilings
        result = HoldOutResult(scores=chosen, ceilings=ceilings)

        def paint(axes: Any) -> None:
            draw_angles(axes, result, scale=scale)
            # dashed lines are the low-passed ones of the same colour, which the caption says
            shown = [line for line in axes.lines if LOW_PASSED not in str(line.get_label())]
            axes.set_ylabel("correlation")
            axes.figure.legend(handles=shown, ncols=2, loc="outside lower center")

        self.plot.draw(paint)

    def _on_save(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the report")
        if folder and self.evaluation is not None:
            self._saver.start(as_job(save_report, self.evaluation, Path(folder)))

    def _on_saved(self, written: Any) -> None:
        page = next((path for path in written if path.suffix == ".html"), written[0])
        notify_info(f"Report saved: {page}")

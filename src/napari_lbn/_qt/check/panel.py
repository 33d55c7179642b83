"""Panel "Check": one button, a sentence in plain words, a plot over the tilt angle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Event, Progress

from ..jobs import JobRunner
from ..messages import notify_error, notify_info
from ..panels.run import describe_time
from ..session import Session
from ..theme import bring_into_view, caption, explain, show_text
from ..turns import Turn
from .found import FoundPanel
from .job import check_range, run_check
from .ready import ANOTHER, CHANGED, OUT_OF_DATE, why_not

NAME = "Check"
UNDER_WAY = "A check is running."
START, CANCEL = "Check on hidden tilts", "Cancel"
ADAPTING = (
    "With the tick above, the weights are adapted anew to the visible tilts of each of some eight "
    "folds: up to {minutes:g} min each."
)
PURPOSE = "Hides measured tilts, predicts them, and compares with WBP and interpolation."
SIRT_TIP = "Compare with the re-projection of SIRT too. Takes about twice as long"
EXACT_TIP = (
    "Leave-one-out: hide each tilt alone, not every fifth at once. Exact, and takes some five "
    "times as long"
)
STEPS = 1000


class CheckPanel(QWidget):
    """Hold-outs of the session's series with its planned settings.

    Parameters
    ----------
    session : Session
    check : callable, optional
        Given series, settings, a cancel token, whether SIRT is compared with too, and whether
        each tilt is hidden alone, makes the job; tests give another.
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
        self._blocked = ""
        self._layer: Any = None  # of the check
        self._judged = ""  # weights of the check
        self.runner = JobRunner(self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._take_up()
        self.refresh()

    @property
    def runners(self) -> list[JobRunner]:
        """Jobs that the dock ends when it closes."""
        return [self.runner, self.found.save_button.runner]

    @property
    def turn(self) -> Turn:
        """What has to wait for the dock's other jobs, and they for it."""
        return Turn(runner=self.runner, block=self.block, under_way=UNDER_WAY)

    def _make_widgets(self) -> None:
        self._purpose = caption(PURPOSE)
        self.button = QPushButton(START)
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._bar.hide()
        self.sirt = QCheckBox("SIRT too")
        self.sirt.setToolTip(SIRT_TIP)
        self.exact = QCheckBox("One tilt at a time")
        self.exact.setToolTip(EXACT_TIP)
        self.status, self.found = caption(), FoundPanel()

    def _lay_out(self) -> None:
        ticks = QHBoxLayout()
        for tick in (self.exact, self.sirt):
            ticks.addWidget(tick)
        ticks.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._purpose)
        layout.addLayout(ticks)
        layout.addWidget(self.button)
        for widget in (self._bar, self.status, self.found):
            layout.addWidget(widget)

    def _connect(self) -> None:
        session = self._session
        self.button.clicked.connect(self._on_click)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(lambda: self._say("Cancelled."))
        self.runner.running_changed.connect(self._on_running)
        for tick in (self.sirt, self.exact):
            tick.toggled.connect(self.refresh)
        session.planned_changed.connect(self.refresh)
        session.running_changed.connect(self.refresh)
        session.series_changed.connect(self._on_series)

    def refresh(self, *_: object) -> None:
        """Enable the button, or say why it is not."""
        self._purpose.setText(self._purpose_now())
        self.found.name_weights(self._session.options.weights)
        if self.runner.running:
            explain(self.button, True, "", "Stop the check")
            return
        why = why_not(self._session) or self._blocked
        explain(self.button, not why, why, PURPOSE)

    def _purpose_now(self) -> str:
        """What a check does, how long it takes, and that adapting in it takes its time."""
        minutes = self._session.options.adapt_minutes
        if minutes:
            return f"{PURPOSE} {ADAPTING.format(minutes=minutes)}"
        planned = self._session.planned
        if planned is None:
            return PURPOSE
        seconds = check_range(planned.plan, planned.settings, **self._ticked())
        return f"{PURPOSE} {describe_time(seconds, busy=planned.busy)}"

    def _ticked(self) -> dict[str, bool]:
        return {"sirt": self.sirt.isChecked(), "exact": self.exact.isChecked()}

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
        self._session.set_check(None)
        self._layer, self._judged = self._session.layer, self._session.options.weights
        ticked = self._ticked()
        self.runner.start(lambda cancel: check(series, planned.settings, cancel, **ticked))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._bar.setValue(round(event.fraction * STEPS))
            self._say(event.stage)
            return
        scores = getattr(event, "scores", None)
        if not scores:
            return
        if self.found.add(scores):
            bring_into_view(self.found.plot)

    def _on_succeeded(self, evaluation: Any) -> None:
        self._session.set_check(self.found.finish(evaluation, self._judged))
        self._say("")
        self.refresh()
        bring_into_view(self)

    def _on_failed(self, error: LBNError) -> None:
        notify_error(error)
        self._say(str(error))

    def _on_running(self, running: bool) -> None:
        self._bar.setVisible(running)
        self._bar.setValue(0)
        for tick in (self.sirt, self.exact):
            tick.setEnabled(not running)
        self.button.setText(CANCEL if running else START)
        self.refresh()

    def _on_series(self, *_: object) -> None:
        """Another series, or other tilts of this one: what was found of it no longer holds."""
        stopped, word = self.runner.running, self._last_word()
        self.runner.drop()
        self._clear()
        self._say(word)
        if stopped:
            notify_info(f"{NAME}: {word}")
        if self._session.layer is self._layer:
            self._session.set_check(None)
        self._take_up()
        self.refresh()

    def _take_up(self) -> None:
        """Show what an earlier check of the series has found."""
        self._layer, found = self._session.layer, self._session.check
        if found is not None:
            self.found.restore(found)

    def _last_word(self) -> str:
        """Why the check, or its verdict, is gone."""
        same, said = self._session.layer is self._layer, self.status.text()
        if self.runner.running:
            return CHANGED if same else ANOTHER
        if not same:
            return ""
        if self.found.found is not None:
            return OUT_OF_DATE
        return said if said in (CHANGED, OUT_OF_DATE) else ""

    def _clear(self) -> None:
        self.found.clear()
        self._say("")

    def _say(self, text: str) -> None:
        show_text(self.status, text)

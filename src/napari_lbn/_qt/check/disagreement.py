"""Panel "Disagreement": spread over random subsets of the measured tilts, as layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_lbn._napari.preferences import Preferences
from napari_lbn._napari.room import extent_of, share_of_one_volume
from napari_lbn._napari.spread import SpreadLayers
from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Event, Progress, SlabReady

from ..jobs import JobRunner
from ..messages import notify_error, notify_info
from ..panels.run import describe_time
from ..session import Session
from ..theme import caption, explain, show_text
from ..turns import Turn
from .job import disagreement_range, run_disagreement
from .ready import ANOTHER, CHANGED, why_not
from .spread_views import SpreadViews

NAME = "Disagreement"
UNDER_WAY = "The disagreement is being measured."
START, CANCEL = "Measure the disagreement", "Cancel"
PURPOSE = (
    "Synthesizes from random subsets of the measured tilts. Where the answers differ, the "
    "network is not sure. It is the spread of the model, not proof: all may err alike."
)
SUBSETS = 6
STEPS = 1000


class DisagreementPanel(QWidget):
    """One button, progress, and what is shown of the result.

    Parameters
    ----------
    session : Session
    viewer : napari.components.ViewerModel
    views : ViewControl
    preferences : callable
        Gives the Preferences as they are now.
    measure : callable, optional
        Given series, settings, number of subsets and a cancel token, makes the job; tests
        give another.
    """

    def __init__(
        self,
        session: Session,
        viewer: Any,
        views: Any,
        preferences: Callable[[], Preferences],
        *,
        measure: Callable[..., Any] = run_disagreement,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._viewer, self._views = session, viewer, views
        self._preferences, self._measure = preferences, measure
        self._layer: Any = None  # of what is under way
        self._coming: SpreadLayers | None = None
        self._blocked = ""
        self.runner = JobRunner(self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def turn(self) -> Turn:
        """What has to wait for the dock's other jobs, and they for it."""
        return Turn(runner=self.runner, block=self.block, under_way=UNDER_WAY)

    def _make_widgets(self) -> None:
        self.button = QPushButton(START)
        self.subsets = QSpinBox()
        self.subsets.setRange(2, 50)
        self.subsets.setValue(SUBSETS)
        self.subsets.setSuffix(" subsets")
        self.subsets.setToolTip("More subsets, a surer spread; the time grows with them")
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._bar.hide()
        self.status = caption()
        self._shown = SpreadViews(self._session, self._views)
        self.view_buttons = self._shown.buttons

    def _lay_out(self) -> None:
        start = QHBoxLayout()
        start.addWidget(self.button, 1)
        start.addWidget(self.subsets)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(caption(PURPOSE))
        layout.addLayout(start)
        layout.addWidget(self._bar)
        layout.addWidget(self.status)
        layout.addWidget(self._shown)

    def _connect(self) -> None:
        session = self._session
        self.button.clicked.connect(self._on_click)
        self.subsets.valueChanged.connect(self.refresh)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(lambda: self._end("Cancelled; nothing was kept."))
        self.runner.running_changed.connect(self._on_running)
        for signal in (session.planned_changed, session.running_changed, session.result_changed):
            signal.connect(self.refresh)
        session.spread_changed.connect(self.refresh)
        session.view_changed.connect(self.refresh)
        session.series_changed.connect(self._on_series)

    def block(self, reason: str) -> None:
        """Say why nothing can be measured for now; empty once it can."""
        self._blocked = reason
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Enable what can be done, or say why it cannot."""
        self._shown.refresh()
        if not self.runner.running:
            why = why_not(self._session) or self._blocked
            explain(self.button, not why, why, self._estimate() if not why else "")

    def _estimate(self) -> str:
        planned = self._session.planned
        if planned is None:
            return PURPOSE
        seconds = disagreement_range(planned.plan, planned.settings, self.subsets.value())
        return describe_time(seconds, busy=planned.busy)

    def _on_click(self) -> None:
        if self.runner.running:
            self.button.setEnabled(False)
            self.runner.cancel()
            return
        series, planned, measure = self._session.series, self._session.planned, self._measure
        if series is None or planned is None:
            return
        self._coming = SpreadLayers(
            self._viewer,
            extent_of(series.name, planned.plan),
            in_memory=share_of_one_volume(self._preferences().memory_bound),
        )
        subsets, self._layer = self.subsets.value(), self._session.layer
        self.runner.start(lambda cancel: measure(series, planned.settings, subsets, cancel))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._bar.setValue(round(event.fraction * STEPS))
            self._say(event.stage)
        elif isinstance(event, SlabReady) and self._coming is not None:
            self._coming.add_slab(event)

    def _on_succeeded(self, found: Any) -> None:
        coming = self._coming
        if coming is None:
            return
        coming.finish(found, self._session.spread)
        self._end(found.sentence)
        self._session.set_spread(coming)
        both = "lbn" in self._views.roles() and coming.fits(self._session.layers)
        self._views.show("lbn and spread" if both else "spread")

    def _on_failed(self, error: LBNError) -> None:
        notify_error(error)
        self._end(str(error))

    def _end(self, text: str) -> None:
        self._coming = None
        self._say(text)

    def _on_running(self, running: bool) -> None:
        self._bar.setVisible(running)
        self._bar.setValue(0)
        self.subsets.setEnabled(not running)
        self.button.setText(CANCEL if running else START)
        explain(self.button, True, "", "Stop; nothing is kept")
        self.refresh()

    def _on_series(self, *_: object) -> None:
        """Another series, or other tilts of this one: what was under way no longer holds."""
        stopped = self.runner.running
        self.runner.drop()
        self._end("")
        if stopped:
            self._say(CHANGED if self._session.layer is self._layer else ANOTHER)
            notify_info(f"{NAME}: {self.status.text()}")
        self.refresh()

    def _say(self, text: str) -> None:
        show_text(self.status, text)

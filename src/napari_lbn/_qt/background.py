"""What the dock finds out in the background: devices, weights, findings, the plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_lbn._napari.preferences import Preferences, on_change
from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.io.weights.info import SUFFIX
from napari_lbn.engine.tilt_series import TiltSeries

from .engine import Engine
from .jobs import JobRunner, as_job
from .messages import notify_error
from .options import Options, Planned
from .session import Session

if TYPE_CHECKING:
    from .panels.model import ModelPanel

TYPING = 600
"""Milliseconds without a change before the Preferences are read again."""
DEBOUNCE = 250
"""Milliseconds without a change before a plan is made."""
PLAN_ROUNDS = 3
BUNDLED_ONLY = "Only the weights that come with napari-lbn are offered."


def soon(parent: QObject, function: Callable[[], None], milliseconds: int = 0) -> QTimer:
    """A timer that calls a function once, so long after it was started last."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(function)
    return timer


def make_plan(
    engine: Engine, series: TiltSeries, options: Options, preferences: Preferences
) -> Planned:
    """Settings that fit, and their plan.

    The thickness in pixels depends on the binning that the plan chooses: it is asked again
    with the thickness at the working pixel size.
    """
    pixel_size = series.pixel_size
    if pixel_size is not None and options.binning is not None:
        pixel_size *= options.binning
    for _ in range(PLAN_ROUNDS):
        settings = engine.settings(
            thickness=options.thickness(pixel_size),
            weights=options.weights or "base",
            device=options.device,
            increment=options.increment,
            fill_gaps=options.fill_gaps,
            filter=options.filter,
            memory_bound=preferences.memory_bound,
            binning=options.binning,
            preview=True,
            denoised=options.denoised,
            adapt_minutes=options.adapt_minutes,
            jackknife=options.jackknife_groups,
            mirrored=options.mirrored,
        )
        plan = engine.plan(series, settings)
        if plan.pixel_size == pixel_size:
            break
        pixel_size = plan.pixel_size
    return Planned(settings=settings, plan=plan, busy=engine.is_busy())


def folder_problem(folder: Path | None) -> str:
    """What is wrong with the weights folder of the Preferences; empty where nothing is."""
    if folder is None or any(folder.glob(f"*{SUFFIX}")):
        return ""
    what = f"holds no weights ({SUFFIX})" if folder.is_dir() else "does not exist"
    return f"The weights folder set in Preferences, {folder}, {what}. {BUNDLED_ONLY}"


class Lookup(QObject):
    """Asks for weights and devices, which a panel offers then: importing torch takes seconds.

    It asks again where the Preferences were changed, once nothing runs.

    Signals
    -------
    preferences_changed()
        They are others than when they were last asked for.
    """

    preferences_changed = Signal()

    def __init__(
        self,
        model: ModelPanel,
        engine: Engine,
        preferences: Callable[[], Preferences],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine, self._preferences, self._model = engine, preferences, model
        self._known = preferences()
        self._again = soon(self, self._compare, TYPING)
        self.forget_preferences = on_change(self._on_preferences)
        self._weights, self._devices = JobRunner(self), JobRunner(self)
        self._folder = JobRunner(self)
        self.runners = (self._weights, self._devices, self._folder)
        for runner in self.runners:
            runner.failed.connect(notify_error)
        self._weights.succeeded.connect(model.set_weights)
        self._folder.succeeded.connect(model.tell_of_folder)
        self._devices.succeeded.connect(lambda found: model.set_devices(found, self._known.device))

    def start(self) -> None:
        """Ask in the background."""
        self._known = self._preferences()
        self._ask_for_weights()
        self._devices.start(as_job(self._engine.devices))

    def _ask_for_weights(self) -> None:
        folder = self._known.weights_folder
        self._weights.start(as_job(self._engine.weights, folder))
        self._folder.start(as_job(folder_problem, folder))

    def _on_preferences(self, event: object = None) -> None:
        self._again.start()

    def _compare(self) -> None:
        """Ask again for what the Preferences change."""
        if self._model.running or any(runner.running for runner in self.runners):
            self._again.start()
            return
        before, self._known = self._known, self._preferences()
        if self._known.weights_folder != before.weights_folder:
            self._ask_for_weights()
        if self._known.device != before.device:
            self._devices.start(as_job(self._engine.devices))
        if self._known != before:
            self.preferences_changed.emit()


class Planner(QObject):
    """Keeps the session's plan up to date, a moment after the last change."""

    def __init__(
        self,
        session: Session,
        engine: Engine,
        preferences: Callable[[], Preferences],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._engine = engine
        self._preferences = preferences
        self.runner = JobRunner(self)
        self._soon = soon(self, self._plan, DEBOUNCE)
        self.runner.succeeded.connect(session.set_planned)
        self.runner.failed.connect(self._on_failed)
        session.series_changed.connect(self.schedule)
        session.options_changed.connect(self.schedule)

    def schedule(self, *_: object) -> None:
        """Plan again soon."""
        self.runner.drop()
        self._soon.start()

    def _plan(self) -> None:
        session = self._session
        if session.series is None or not session.options.weights:
            return
        self.runner.start(
            as_job(make_plan, self._engine, session.series, session.options, self._preferences())
        )

    def _on_failed(self, error: LBNError) -> None:
        self._session.set_planned(None, str(error))

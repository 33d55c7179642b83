"""The dock "LBN training"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import QWidget

from napari_lbn._napari.preferences import Preferences, read_preferences
from napari_lbn._napari.tilt_display import tilt_display

from ..background import Lookup
from ..ending import end_with, ended, left_its_dock
from ..engine import Engine, LBNEngine
from ..jobs import JobRunner, as_job
from ..messages import notify_error, notify_info
from ..offered import OFFERED
from ..sections import Sections
from .checkpoints_panel import CheckpointsPanel
from .comparer import Comparer
from .controller import TrainingController
from .curves_panel import CurvesPanel
from .ending import confirm_cancel
from .kept import save_as
from .known import KnownRuns
from .planner import TrainingPlanner
from .preview_panel import PreviewPanel
from .run_panel import TrainingRunPanel
from .runs_panel import RunsPanel
from .series_list import SeriesList
from .settings_panel import TrainingSettingsPanel
from .status import TrainingStatus

PLUGIN = "napari-lbn"
CORRECTION = "Missing-wedge correction"
MINIMUM_WIDTH = 340
PREFERRED_WIDTH = 420
CLOSED = "The training was stopped. Open the dock again to go on: Earlier trainings ▸ Resume."
PROGRESS, CHECKPOINTS, EARLIER = "Progress", "Weights of this training", "Earlier trainings"


class TrainingDock(QWidget):
    """Tilt series, settings, run, curves and preview, weights, from top to bottom.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    engine : Engine, optional
        Lists weights and devices; tests give another.
    preferences : callable, optional
        Gives the Preferences as they are now.
    known : KnownRuns, optional
        Trainings of earlier sessions.
    """

    def __init__(
        self,
        napari_viewer: Any,
        *,
        engine: Engine | None = None,
        preferences: Callable[[], Preferences] = read_preferences,
        known: KnownRuns | None = None,
    ) -> None:
        super().__init__()
        # through the proxy that plugins are given no layer is ever the same object twice
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        tilt_display(self._viewer)
        self._engine = LBNEngine() if engine is None else engine
        self._preferences = preferences
        self._known = KnownRuns() if known is None else known
        self.status = TrainingStatus()
        self.controller = TrainingController(self.status, self._known, self)
        self._closed = False
        self.comparer = Comparer(self.status, self)
        self.planner = TrainingPlanner(self.status, self)
        self._make_panels()
        self._lay_out()
        self._make_jobs()
        self._connect()
        self._on_series()
        QTimer.singleShot(0, self._look_around)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for every control, as high as there is room."""
        return QSize(PREFERRED_WIDTH, 900)

    def event(self, event: QEvent | None) -> bool:
        """The ✕ takes the panel out of its dock: nothing may run on without a button to end it."""
        if left_its_dock(self, event):
            self._close()
        return super().event(event)

    def _close(self) -> None:
        """Stop a training with a checkpoint, as napari does when it is closed."""
        was_running = self.status.running
        self._end()
        if not self._closed:
            ended(self._end)
            if was_running:
                notify_info(CLOSED)
        self._closed = True
        self.deleteLater()  # connected lambdas keep it alive otherwise

    def use(self, weights: Any) -> None:
        """Open the correction dock with kept weights chosen."""
        OFFERED.want(str(weights.path))
        window = getattr(self._viewer, "window", None)
        if window is not None:
            place, _ = window.add_plugin_dock_widget(PLUGIN, CORRECTION, tabify=True)
            place.show()  # one that is open already may be hidden, or lie under this one as a tab
            place.raise_()
        notify_info(f"The correction dock uses the weights of epoch {weights.epoch}.")

    def save(self, weights: Any, file: Path) -> None:
        """Write kept weights under a name."""
        self._save_job.start(as_job(save_as, weights, file))

    def resume(self, folder: Path) -> None:
        """Go on with the training in a folder."""
        self.controller.resume(folder, self.series_list.opened)

    def disconnect_viewer(self) -> None:
        """Listen to the viewer no more; harmless when called again."""
        self._lookup.forget_preferences()
        self.series_list.disconnect_viewer()

    def _make_panels(self) -> None:
        status = self.status
        self.series_list = SeriesList(self._viewer)
        self.runs_panel = RunsPanel(status)
        self.settings_panel = TrainingSettingsPanel(status)
        self.run_panel = TrainingRunPanel(status)
        self.curves_panel = CurvesPanel(status)
        self.preview_panel = PreviewPanel(status)
        self.checkpoints_panel = CheckpointsPanel(
            status, lambda: self._preferences().weights_folder
        )

    def _lay_out(self) -> None:
        self.sections = Sections(
            self,
            (
                ("Tilt series", (self.series_list,)),
                ("Fine-tuning", (self.settings_panel, self.run_panel)),
                (PROGRESS, (self.preview_panel, self.curves_panel)),
                (CHECKPOINTS, (self.checkpoints_panel,)),
                (EARLIER, (self.runs_panel,)),
            ),
        )
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _make_jobs(self) -> None:
        self._lookup = Lookup(self.settings_panel.model, self._engine, self._preferences, self)
        self._runs_job, self._save_job = JobRunner(self), JobRunner(self)
        for runner in (self._runs_job, self._save_job):
            runner.failed.connect(notify_error)
        self._runs_job.succeeded.connect(self._on_runs)
        self._save_job.succeeded.connect(self._on_saved)

    def _connect(self) -> None:
        controller, status = self.controller, self.status
        self.series_list.changed.connect(self._on_series)
        panel = self.run_panel
        panel.start_requested.connect(lambda: controller.start(self.series_list.series))
        panel.cancel_requested.connect(self._on_cancel)
        panel.pause_requested.connect(controller.pause)
        panel.go_on_requested.connect(controller.go_on)
        panel.stop_requested.connect(controller.stop)
        controller.record.previewed.connect(self.comparer.add)
        controller.record.ended.connect(self._on_ended)
        self.checkpoints_panel.chosen.connect(
            lambda kept: self.comparer.look_at(kept, self.series_list.opened)
        )
        self.checkpoints_panel.use_requested.connect(self.use)
        self.checkpoints_panel.save_requested.connect(self.save)
        self.runs_panel.open_requested.connect(controller.open)
        self.runs_panel.resume_requested.connect(self.resume)
        status.events.phase.connect(self._on_phase)
        for signal in (status.events.shown, status.events.curves, status.events.weights):
            signal.connect(self._show_boxes)
        self._show_boxes()
        self._end = end_with(
            self, self._runners(), before=controller.farewell, after=self.disconnect_viewer
        )

    def _runners(self) -> list[JobRunner]:
        return [
            *self._lookup.runners,
            self._runs_job,
            self._save_job,
            self.planner.runner,
            self.comparer.runner,
            self.controller.opener,
            self.settings_panel.model.own.runner,
        ]

    def _look_around(self) -> None:
        """Ask for weights, devices and trainings in the background."""
        self._lookup.start()
        self._list_runs()

    def _list_runs(self) -> None:
        self._runs_job.start(as_job(self._known.runs))

    def _on_series(self) -> None:
        self.status.series = self.series_list.series

    def _on_phase(self, *_: object) -> None:
        self.series_list.set_locked(self.status.running)
        self._show_boxes()

    def _show_boxes(self, *_: object) -> None:
        """Sections appear once there is something in them."""
        status = self.status
        seen = status.shown is not None or status.curves is not None
        self.sections.show_only(
            {PROGRESS: seen, CHECKPOINTS: bool(status.weights), EARLIER: not status.running}
        )

    def _on_cancel(self) -> None:
        """Ask before epochs are thrown away."""
        if self.status.weights and not confirm_cancel(self):
            return
        self.controller.cancel()

    def _on_ended(self) -> None:
        """Show and offer the best weights, and the top of the dock: the outcome is there."""
        for kept in self.status.weights:
            if kept.best:
                OFFERED.offer(str(kept.path))
                self.checkpoints_panel.select(kept.epoch)
        QTimer.singleShot(0, self.sections.scroll_up)
        self._list_runs()

    def _on_runs(self, runs: Any) -> None:
        """List earlier trainings; one that was interrupted comes first in the dock."""
        self.runs_panel.set_runs(runs)
        if runs and runs[0].resumable and not self.status.running:
            self.sections.put_first(EARLIER)

    def _on_saved(self, file: Path) -> None:
        OFFERED.offer(str(file))
        notify_info(f"Weights saved: {file}")

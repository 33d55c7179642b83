"""The dock "Missing-wedge correction"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import QWidget

from napari_lbn._napari.metadata import series_of
from napari_lbn._napari.preferences import Preferences, read_preferences
from napari_lbn._napari.sliders import slice_again
from napari_lbn._napari.tilt_display import tilt_display
from napari_lbn._napari.views import fit

from .adopting import adopt, replace_stack
from .background import Lookup, Planner, soon
from .check.disagreement import DisagreementPanel
from .check.mask import MaskPanel
from .check.panel import CheckPanel
from .check.ready import BUSY as CORRECTING
from .correction import Correction
from .drops import Drops
from .ending import end_with, ended, left_its_dock
from .engine import Engine, LBNEngine
from .findings import Findings
from .jobs import JobRunner
from .kept import kept_of
from .keys import bind_key
from .messages import MessageList, notify_info
from .panels.alteration import AlterationPanel
from .panels.angles_entry import AnglesEntry
from .panels.display import FLIP_KEY, DisplayPanel
from .panels.layer_choice import LayerChoice
from .panels.run import RunPanel
from .panels.save import SavePanel
from .panels.series import SeriesPanel
from .panels.settings import SettingsPanel
from .saving import Saver
from .sections import Sections
from .session import Session
from .turns import OneAtATime, Turn
from .view_control import ViewControl

MINIMUM_WIDTH = 340
PREFERRED_WIDTH = 390
NEED_SERIES = ("Correction", "Display", "Check", "Disagreement", "Save")
CLOSED = "Stopped: the dock was closed."
ARRIVED = "{name} is hidden while the correction runs. The dock offers it afterwards."
REMOVED = "Stopped: its tilt series is no longer open."
UNSAVED = "Saving was stopped: the dock was closed. Nothing was written."


class MissingWedgeDock(QWidget):
    """Tilt series, settings, run, display and save, from top to bottom.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    engine : Engine, optional
        The real one by default; tests give another.
    preferences : callable, optional
        Gives the Preferences as they are now.
    """

    def __init__(
        self,
        napari_viewer: Any,
        *,
        engine: Engine | None = None,
        preferences: Callable[[], Preferences] = read_preferences,
    ) -> None:
        super().__init__()
        # through the proxy that plugins are given no layer is ever the same object twice
        napari_viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._viewer = napari_viewer
        self._engine = LBNEngine() if engine is None else engine
        self._preferences = preferences
        self.session = Session(kept_of(napari_viewer))
        self.views = ViewControl(self.session, napari_viewer)
        self._text = tilt_display(napari_viewer).text
        self._scale: tuple[Any, float | None] | None = None
        self._closed = False
        self._make_panels()
        self._lay_out()
        self._make_jobs()
        self._drops = Drops(self, napari_viewer)
        self._connect()
        QTimer.singleShot(0, self._lookup.start)

    def _make_panels(self) -> None:
        self.messages = MessageList()
        self.layer_choice = LayerChoice(self._viewer)
        self.angles_entry = AnglesEntry()
        self.series_panel = SeriesPanel(self.session, self._viewer, self.views)
        self.settings_panel = SettingsPanel(self.session)
        self.run_panel = RunPanel(self.session)
        self.alteration_panel = AlterationPanel(self.session)
        self.display_panel = DisplayPanel(self.session, self.views)
        self.check_panel = CheckPanel(self.session)
        self.disagreement_panel = DisagreementPanel(
            self.session, self._viewer, self.views, self._preferences
        )
        self.mask_panel = MaskPanel(self.session)
        self.save_panel = SavePanel(self.session)

    def _lay_out(self) -> None:
        series = (self.layer_choice, self.messages, self.angles_entry, self.series_panel)
        self.sections = Sections(
            self,
            (
                ("Tilt series", series),
                ("Correction", (self.settings_panel, self.run_panel, self.alteration_panel)),
                ("Display", (self.display_panel,)),
                ("Check", (self.check_panel,)),
                ("Disagreement", (self.disagreement_panel, self.mask_panel)),
                ("Save", (self.save_panel,)),
            ),
        )
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _make_jobs(self) -> None:
        session, engine = self.session, self._engine
        self._lookup = Lookup(self.settings_panel.model, engine, self._preferences, self)
        self.findings = Findings(session, engine, self.messages, self)
        self.planner = Planner(session, engine, self._preferences, self)
        self.correction = Correction(
            session, self._viewer, engine, self.views, self._preferences, self
        )
        # not while the layer list is in the middle of a change
        self._tidy_soon = soon(self, self.views.tidy)
        self._show_soon = soon(self, self._show_measured)
        self.saver = Saver(session, self.save_panel, self)
        check, disagreement = self.check_panel, self.disagreement_panel
        correction = Turn(
            runner=self.correction.runner, block=self.run_panel.block, under_way=CORRECTING
        )
        OneAtATime((correction, check.turn, disagreement.turn), self)

    def _connect(self) -> None:
        session = self.session
        self.layer_choice.chosen.connect(self.use_layer)
        self.layer_choice.arrived.connect(self._on_arrived)
        self.angles_entry.entered.connect(self._on_angles)
        self.run_panel.start_requested.connect(self.correction.start)
        self.run_panel.cancel_requested.connect(self.correction.cancel)
        self.correction.progressed.connect(self.run_panel.show_progress)
        self.correction.ended.connect(self.run_panel.show_outcome)
        session.series_changed.connect(self._on_series)
        self.correction.previewing.connect(self._text.set_note)
        self.mask_panel.noted.connect(self._text.set_note)
        self.correction.noticed.connect(self.findings.add)
        self._lookup.preferences_changed.connect(self.planner.schedule)
        session.running_changed.connect(self.layer_choice.set_locked)
        self._viewer.layers.events.removed.connect(self._on_removed)
        self._viewer.scene.camera.events.orientation.connect(self.display_panel.follow_camera)
        bind_key(self._viewer, FLIP_KEY, self.views.flip)
        self._end = end_with(self, self._runners(), after=self.disconnect_viewer)
        self.use_layer(self.layer_choice.layer)
        self.views.take_up()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for every control, as high as there is room."""
        return QSize(PREFERRED_WIDTH, 900)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """In a window at last: take folders that are dropped on it."""
        super().showEvent(event)
        self._drops.watch(self.window())

    def event(self, event: QEvent | None) -> bool:
        """The ✕ takes the panel out of its dock: nothing may run on without a Cancel button."""
        if left_its_dock(self, event):
            self._close()
        return super().event(event)

    def _close(self) -> None:
        """Stop what runs, remove its unfinished layers, and let go of the viewer.

        Finished layers stay, with what a dock that is opened later needs to go on with them.
        """
        self.correction.abandon(CLOSED)
        if self.saver.runner.running:
            notify_info(UNSAVED)
        self.mask_panel.take_off()  # nobody could without the dock
        self._end()
        if not self._closed:
            ended(self._end)
        self._closed = True
        self.deleteLater()  # connected lambdas keep it alive otherwise

    def use_layer(self, layer: Any | None) -> None:
        """Work on the tilt series of a layer; ask for its angles where it has none."""
        self.run_panel.show_outcome("")
        if self.correction.runner.running:
            notify_info(REMOVED)
        self.correction.abandon(REMOVED)
        taken_over = self.session.layer is not None
        series = None if layer is None else series_of(layer)
        if layer is not None and series is None:
            # the layer list is in the middle of a change: replace the layer after it
            QTimer.singleShot(0, lambda: self._adopt(layer))
        self.angles_entry.set_layer(layer if series is None else None)
        self.findings.clear()
        self.session.set_series(series, layer if series is not None else None)
        if taken_over and series is not None:
            self._show_soon.start()

    def disconnect_viewer(self) -> None:
        """Listen to the viewer no more; harmless when called again."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._viewer.scene.camera.events.orientation.disconnect(self.display_panel.follow_camera)
        self._lookup.forget_preferences()
        self.layer_choice.disconnect_viewer()
        self.series_panel.disconnect_viewer()

    def _runners(self) -> list[JobRunner]:
        return [
            *self._lookup.runners,
            self.findings.runner,
            self.planner.runner,
            self.correction.runner,
            self.saver.runner,
            self.settings_panel.model.own.runner,
            *self.check_panel.runners,
            self.disagreement_panel.runner,
        ]

    def _on_series(self, series: Any) -> None:
        self._text.update()
        if series is not None:
            slice_again(self._viewer)
        scale = None if series is None else (self.session.layer, series.pixel_size)
        if scale is not None and self._scale is not None:
            same_layer = scale[0] is self._scale[0]
            if same_layer and scale[1] != self._scale[1]:
                fit(self._viewer, self.views.layers().values())
        self._scale = scale
        self.sections.show_only(dict.fromkeys(NEED_SERIES, series is not None))

    def _show_measured(self) -> None:
        """Another tilt series was chosen, which may be of another size."""
        self.views.show("measured")
        if self.session.layer in self._viewer.layers:
            fit(self._viewer, [self.session.layer])

    def _on_arrived(self, layer: Any) -> None:
        """A tilt series was opened while another one is corrected, which is looked at."""
        layer.visible = False
        notify_info(ARRIVED.format(name=layer.name))

    def _adopt(self, layer: Any) -> None:
        if self.layer_choice.layer is layer:
            adopt(self._viewer, layer)

    def _on_angles(self, series: Any) -> None:
        replace_stack(self._viewer, self.layer_choice.layer, series)

    def _on_removed(self, event: Any) -> None:
        """A removed layer takes with it what could be shown."""
        if self.session.spread is not None and not self.session.spread.current():
            self.session.set_spread(None)
        self.display_panel.refresh()
        self.disagreement_panel.refresh()
        self.mask_panel.refresh()
        self._tidy_soon.start()

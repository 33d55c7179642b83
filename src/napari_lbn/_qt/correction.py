"""One correction from the click to its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_lbn._napari.layers import contrast_limits, update_series_layer
from napari_lbn._napari.preferences import Preferences
from napari_lbn._napari.results import ResultLayers
from napari_lbn._napari.room import extent_of, share_of_one_volume
from napari_lbn._napari.sliders import slice_again
from napari_lbn._napari.views import SHOWN, View
from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Event, Notice, Progress, SlabReady, TiltReady

from .engine import Engine
from .jobs import JobRunner
from .messages import notify_error
from .options import Planned
from .session import Session
from .view_control import ViewControl


class Correction(QObject):
    """Runs corrections and fills their layers.

    Signals
    -------
    progressed(object)
        A `Progress` event.
    ended(str)
        How it ended, for the user.
    noticed(str, str)
        Something that the engine wants to be known, and its severity.
    previewing(str)
        What the tomograms on the screen hold so far; empty once they are whole.
    """

    progressed = Signal(object)
    ended = Signal(str)
    noticed = Signal(str, str)
    previewing = Signal(str)

    def __init__(
        self,
        session: Session,
        viewer: Any,
        engine: Engine,
        views: ViewControl,
        preferences: Callable[[], Preferences],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._viewer = viewer
        self._engine = engine
        self._views = views
        self._preferences = preferences
        self._layers: ResultLayers | None = None
        self._planned: Planned | None = None
        self._previous: tuple[Any, Any] = (None, None)
        self._view_before: View = "measured"
        self.runner = JobRunner(self)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self.runner.running_changed.connect(session.set_running)

    def start(self) -> None:
        """Start a correction of the session's series with its planned settings."""
        session = self._session
        planned, series, engine = session.planned, session.series, self._engine
        if planned is None or series is None or session.running:
            return
        self._planned = planned
        self._layers = None
        self._previous = (session.result, session.layers)
        if session.layers is not None:
            session.layers.forget_removed()
        self._view_before = session.view
        self.runner.start(lambda cancel: engine.correct(series, planned.settings, cancel))

    def cancel(self) -> None:
        """Stop; what the run brought so far is removed."""
        self.runner.cancel()

    def abandon(self, why: str) -> None:
        """Stop because the tilt series or the dock is gone; the run is heard of no more."""
        if self.runner.running:
            self.runner.drop()
            self._undo()
            self.ended.emit(why)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.progressed.emit(event)
        elif isinstance(event, Notice):
            self.noticed.emit(event.message, event.severity)
        elif isinstance(event, SlabReady):
            self._on_slab(event)
        elif isinstance(event, TiltReady):
            self._on_tilt(event)

    def _on_slab(self, event: SlabReady) -> None:
        layers = self._result_layers()
        before = self._tomograms()
        layers.add_slab(event)
        if self._tomograms() != before:
            self._views.show_first_slab((event.y_start + event.y_stop) // 2)
            if event.preview:
                self.previewing.emit(f"Preview: rows {event.y_start}–{event.y_stop - 1}")

    def _tomograms(self) -> set[str]:
        """Those that a preview shows; the denoised one comes late and must not move the view."""
        return self._views.roles() & {"wbp", "lbn"}

    def _on_tilt(self, event: TiltReady) -> None:
        layers = self._result_layers()
        layers.add_tilt(event)
        if layers.layer("tilts") is None and not layers.removed("tilts"):
            undisturbed = self._views.undisturbed()
            layers.show_tilts(self._tilt_contrast(event))
            if undisturbed:
                self._views.show(self._session.view)
            elif (tilts := layers.layer("tilts")) is not None:
                tilts.visible = False  # whoever compares something meanwhile goes on doing so

    def _tilt_contrast(self, event: TiltReady) -> tuple[float, float]:
        """The measured layer's contrast: the network's tilts are in the same units."""
        layer = self._session.layer
        if layer is not None:
            return tuple(layer.contrast_limits)
        return contrast_limits(event.image[None])

    def _result_layers(self) -> ResultLayers:
        """The layers of this run, made when its first event arrives."""
        if self._layers is None:
            self._layers = self._make_layers()
            self._session.set_result(None, self._layers)
            self._layers.set_alpha(self._session.alpha)
        return self._layers

    def _make_layers(self) -> ResultLayers:
        session = self._session
        assert self._planned is not None
        assert session.series is not None
        plan = self._planned.plan
        if session.layer is not None:
            depth = session.options.thickness(session.series.pixel_size)
            update_series_layer(session.layer, session.series, thickness=depth)
            slice_again(self._viewer)
        extent = extent_of(session.series.name, plan)
        return ResultLayers(
            self._viewer,
            extent,
            in_memory=share_of_one_volume(self._preferences().memory_bound),
            previous=self._previous[1],
        )

    def _on_succeeded(self, result: Any) -> None:
        layers = self._result_layers()
        layers.finish(result.tilts, result.provenance)
        self._previous = (None, None)
        self.previewing.emit("")
        self._session.set_result(result, layers)
        if self._views.undisturbed():
            self._views.show(self._session.view)
        count = int(np.count_nonzero(result.synthesized))
        self.ended.emit(f"Done: {count} tilts synthesized, two tomograms reconstructed.")

    def _on_failed(self, error: LBNError) -> None:
        self._undo()
        notify_error(error)
        self.ended.emit(str(error))

    def _on_cancelled(self) -> None:
        self._undo()
        self.ended.emit("Cancelled; nothing was kept of this run.")

    def _undo(self) -> None:
        """Remove what an unfinished run brought and go back to the result before it."""
        self.previewing.emit("")
        if self._layers is not None:
            self._layers.discard()
        result, layers = self._previous
        self._layers = None
        self._session.set_result(result, layers)
        whole = self._views.roles().issuperset(SHOWN[self._view_before])
        self._views.show(self._view_before if layers is not None and whole else "measured")

"""The state of one dock: the tilt series, what the user asked for, and what came of it.

Panels listen to the session and write to it; they do not know one another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from psygnal import Signal

from napari_lbn._napari.views import View
from napari_lbn.engine.tilt_series import TiltSeries

from .kept import Kept
from .options import Options, Planned


class Session:
    """Evented state of one dock; used from the main thread only.

    Parameters
    ----------
    kept : Kept, optional
        What came of the viewer's tilt series, and what was asked for, in a dock before this.
    """

    series_changed = Signal(object)
    options_changed = Signal(object)
    planned_changed = Signal(object)
    running_changed = Signal(bool)
    result_changed = Signal(object)
    alpha_changed = Signal(float)
    view_changed = Signal(str)
    spread_changed = Signal(object)

    def __init__(self, kept: Kept | None = None) -> None:
        self.layer: Any = None
        self.series: TiltSeries | None = None
        self._kept = Kept() if kept is None else kept
        self.options = self._kept.options or Options()
        self.planned: Planned | None = None
        self.last_plan: Any = None
        self.problem = ""
        self.obstacle = ""
        self.defect = ""
        self.running = False
        self.result: Any = None
        self.layers: Any = None
        self.spread: Any = None
        self.check: Any = None
        self.alpha = 1.0
        self.view: View = "measured"

    @property
    def working_pixel_size(self) -> float | None:
        """Pixel size after binning in Å; while a new plan is made, as the last one had it."""
        if self.series is None or self.series.pixel_size is None:
            return None
        if self.planned is not None:
            return float(self.planned.plan.pixel_size)
        last = 1.0 if self.last_plan is None else float(self.last_plan.binning)
        return self.series.pixel_size * (self.options.binning or last)

    @property
    def result_is_outdated(self) -> bool:
        """Whether tilts, angles or pixel size were changed since the result was made."""
        if self.series is None or self.result is None:
            return False
        made, now = self.result.original, self.series
        return not (
            np.array_equal(made.included_angles, now.included_angles)
            and made.pixel_size == now.pixel_size
        )

    def set_series(self, series: TiltSeries | None, layer: Any = None) -> None:
        """Work on this tilt series, shown in this layer."""
        self.series = series
        self.defect = ""
        changed = layer is not self.layer
        self.layer = layer
        if changed:
            self.last_plan = None
            self.view = "measured"
            self.result, self.layers = self._kept.correction(layer)
            self.spread = self._kept.spread(layer)
            self.check = self._kept.check(layer)
        self.set_planned(None)
        self.series_changed.emit(series)
        if changed:
            if self.layers is not None:
                self.set_alpha(self.layers.blended.alpha)
            self.result_changed.emit(self.result)
            self.spread_changed.emit(self.spread)

    def update_series(self, series: TiltSeries) -> None:
        """Change the tilt series at hand: exclusions, pixel size, sign of the angles."""
        from napari_lbn._napari.layers import update_series_layer

        if self.layer is not None:
            depth = self.options.thickness(series.pixel_size)
            update_series_layer(self.layer, series, thickness=depth)
        self.set_series(series, self.layer)

    def set_options(self, **changes: Any) -> None:
        """Change what is asked for; the plan is out of date until a new one arrives."""
        options = replace(self.options, **changes)
        if options == self.options:
            return
        self.options = self._kept.options = options
        self.set_planned(None)
        self.options_changed.emit(options)

    def set_planned(self, planned: Planned | None, problem: str = "") -> None:
        """Take over a plan, or None with the reason why there is none."""
        self.planned = planned
        self.problem = problem
        if planned is not None:
            self.last_plan = planned.plan
        self.planned_changed.emit(planned)

    def set_obstacle(self, reason: str) -> None:
        """Say why nothing can run here at all, whatever the series; empty where it can."""
        self.obstacle = reason
        self.planned_changed.emit(self.planned)

    def set_defect(self, reason: str) -> None:
        """Say what makes this tilt series unusable as it is; empty where nothing does."""
        self.defect = reason
        self.planned_changed.emit(self.planned)

    def set_running(self, running: bool) -> None:
        """Whether a correction is under way."""
        if running != self.running:
            self.running = running
            self.running_changed.emit(running)

    def set_result(self, result: Any, layers: Any) -> None:
        """Take over a result and its layers; None where there is none.

        They are kept with the tilt series' layer and come back when it is chosen again.
        """
        self.result = result
        self.layers = layers
        self._kept.keep_correction(self.layer, result, layers)
        self.result_changed.emit(result)

    def set_spread(self, spread: Any) -> None:
        """Take over the layers of a disagreement, kept with the tilt series' layer."""
        self.spread = spread
        self._kept.keep_spread(self.layer, spread)
        self.spread_changed.emit(spread)

    def set_check(self, found: Any) -> None:
        """Take over what a check has found, kept with the tilt series' layer; None for nothing."""
        self.check = found
        self._kept.keep_check(self.layer, found)

    def set_alpha(self, alpha: float) -> None:
        """Blend the synthesized part in by this share."""
        alpha = min(max(float(alpha), 0.0), 1.0)
        if alpha != self.alpha:
            self.alpha = alpha
            self.alpha_changed.emit(alpha)

    def set_view(self, view: View) -> None:
        """Choose what the viewer shows of the result."""
        self.view = view
        self.view_changed.emit(view)

"""What the dock shows of a learned filter: its loss, its radial profile, and its planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider, QTabWidget, QVBoxLayout, QWidget

from napari_lbn._napari.angle_text import format_angle

from ..check.plot import Plot
from ..theme import caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_lbn.engine.reconstruction.learned import LearnedFilter

HEIGHT = 220
STEP_COLOUR, MEAN_COLOUR = "#6aa9e0", "#ff9f40"
"""Seen on a dark theme and on a light one."""
AVERAGED = 12
"""Steps of the running mean: every fold and several places of the specimen."""


class FilterPictures(QTabWidget):
    """Three tabs: misfit while learning, profile against the radius, the planes one by one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.losses, self.profile, self.plane = (Plot(HEIGHT) for _ in range(3))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Which tilt's filter is shown")
        self.place = caption()
        self._model: LearnedFilter | None = None
        self._planes: Any = None
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.plane, self.slider, self.place):
            layout.addWidget(part)
        layout.addStretch(1)
        for widget, name in ((self.losses, "Loss"), (self.profile, "Profile"), (page, "Filter")):
            self.addTab(widget, name)
        self.slider.valueChanged.connect(self._show_plane)
        self.hide()

    def show_losses(self, losses: Sequence[float]) -> None:
        """The misfit of every step so far, and its running mean."""
        self.setCurrentWidget(self.losses)
        self.show()
        self.losses.draw(lambda axes: paint_losses(axes, losses))

    def show_filter(self, model: LearnedFilter) -> None:
        """Profile and planes of a filter."""
        from napari_lbn.engine.reconstruction.learned import plane_response

        self._model, self._planes = model, plane_response(model)
        self.show()
        self.profile.draw(self._paint_profile)
        self.setCurrentWidget(self.profile)
        several = len(self._planes) > 1
        self.slider.setVisible(several)
        self.slider.setRange(0, len(self._planes) - 1)
        self.slider.setValue(len(self._planes) // 2)
        self._show_plane()

    def _show_plane(self, _value: int = 0) -> None:
        if self._planes is not None:
            self.plane.draw(self._paint_plane)
            self.place.setText(self._name_of_plane())

    def _name_of_plane(self) -> str:
        assert self._model is not None
        k, config = self.slider.value(), self._model.config
        if config.variant == "tilt-2d":
            return f"tilt at {format_angle(config.angles[k])}"
        if config.variant == "3d":
            return f"frequency {k} over the tilts"
        return "the same for all tilts"

    def _paint_plane(self, axes: Any) -> None:
        plane = self._planes[self.slider.value()]
        top = float(np.abs(self._planes).max()) or 1.0
        image = axes.imshow(
            plane, cmap="gray", vmin=min(0.0, float(self._planes.min())), vmax=top,
            extent=(-1, 1, -1, 1), interpolation="nearest",
        )  # fmt: skip
        axes.set_xlabel("kx (Nyquist = 1)")
        axes.set_ylabel("ky")
        bar = axes.figure.colorbar(image, ax=axes, shrink=0.9)
        bar.outline.set_visible(False)

    def _paint_profile(self, axes: Any) -> None:
        from napari_lbn.engine.reconstruction.learned import radial_profile

        assert self._model is not None
        radius, profile = radial_profile(self._model)
        axes.plot(radius, radius, color=STEP_COLOUR, linewidth=1, linestyle="--", label="ramp")
        axes.plot(radius, profile, color=MEAN_COLOUR, linewidth=1.2, label="learned")
        axes.set_xlabel("radius (Nyquist = 1)")
        axes.set_ylabel("response, largest 1")
        axes.legend()


def paint_losses(axes: Any, losses: Sequence[float]) -> None:
    """Steps differ by what they see, so that only their running mean tells how it goes."""
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses, linewidth=0.8, color=STEP_COLOUR, alpha=0.6)
    if len(losses) > AVERAGED:
        mean = np.convolve(losses, np.full(AVERAGED, 1 / AVERAGED), "valid")
        axes.plot(
            steps[AVERAGED - 1 :],
            mean,
            linewidth=1.5,
            color=MEAN_COLOUR,
            label=f"mean of {AVERAGED} steps",
        )
        axes.legend()
    axes.set_xlabel("step")
    axes.set_ylabel("misfit")

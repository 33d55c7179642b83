"""The dock "Compare tomograms"."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, QSize
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_lbn._napari import sliders
from napari_lbn._napari.tilt_display import tilt_display
from napari_lbn._napari.views import set_imod_orientation, shows_imod_orientation

from ..keys import bind_key
from ..panels.display import segmented
from ..panels.fields import AVERAGE_TIP, average_box
from ..sections import Column
from ..theme import add_row, explain, form, group
from .arrangement import Arrangement, on_one_scale, section_of
from .measure_panel import MeasurePanel
from .tomograms import TomogramList

MINIMUM_WIDTH = 320
MINIMUM_HEIGHT = 330
"""Below another dock it would else be squeezed to nothing."""
FLIP_KEY = "B"
LINK_TIP = """One contrast for all that are ticked.
Until you choose, on where their densities are on one scale."""
NEED_ONE = "Tick a tomogram."
NEED_TWO = "Tick two tomograms of the same size and pixel size."


class CompareDock(QWidget):
    """Tomograms side by side with linked camera, slice and contrast.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        # through the proxy that plugins are given no layer is ever the same object twice
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        tilt_display(self._viewer)
        self.tomograms = TomogramList(self._viewer)
        self.measures = MeasurePanel(self._viewer)
        self._arranged = Arrangement(self._viewer)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self.refresh()

    def _make_widgets(self) -> None:
        self.arrangement = QButtonGroup(self)
        self._arranged_row, self._arrangement_buttons = segmented(
            [
                ("side", "Side by side", "Linked camera, slice and contrast"),
                ("place", "In place", f"One at a time; {FLIP_KEY} swaps A and B"),
            ],
            self.arrangement,
        )
        self.sections_group = QButtonGroup(self)
        self._section_row, self.sections = segmented(
            [("xy", "XY", "Through z"), ("xz", "XZ", "Through y"), ("yz", "YZ", "Through x")],
            self.sections_group,
        )
        self._arrangement_buttons["side"].setChecked(True)
        self.average = average_box(1)
        self._section_row.addWidget(self.average)
        self.flip_button = QPushButton(f"Swap A and B ({FLIP_KEY})")
        self.difference_button = QPushButton("Difference A − B")
        self.link_contrast = QCheckBox("Same contrast")
        self.link_contrast.setChecked(True)
        self.link_contrast.setToolTip(LINK_TIP)
        self._link_chosen = False
        self.imod = QCheckBox("IMOD orientation")
        self.imod.setToolTip("y points up. Turns the camera; the data is not flipped")

    def _lay_out(self) -> None:
        chosen, layout = group("Tomograms")
        layout.addWidget(self.tomograms)
        shown, layout = group("Display")
        rows = form()
        add_row(rows, "Show", self._arranged_row)
        add_row(rows, "Section", self._section_row)
        layout.addLayout(rows)
        for pair in ((self.flip_button, self.difference_button), (self.link_contrast, self.imod)):
            line = QHBoxLayout()
            for widget in pair:
                widget.setMinimumWidth(10)
                line.addWidget(widget)
            layout.addLayout(line)
        measured, layout = group("Measure at the displayed section")
        layout.addWidget(self.measures)
        # never lower than what is in it: the area scrolls instead
        Column(self, (chosen, shown, measured), QSizePolicy.Policy.Minimum)
        self.setMinimumSize(MINIMUM_WIDTH, MINIMUM_HEIGHT)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for every control."""
        return QSize(380, 800)

    def _connect(self) -> None:
        for emitter in self._emitters():
            emitter.connect(self.refresh)
        self.tomograms.ticked.connect(self._on_ticked)
        self.arrangement.buttonClicked.connect(lambda _: self.arrange())
        for name, button in self.sections.items():
            button.clicked.connect(lambda _=False, name=name: self.cut(name))
        self.average.valueChanged.connect(self._on_average)
        self.flip_button.clicked.connect(lambda _: self.flip())
        self.difference_button.clicked.connect(lambda _: self._add_difference())
        self.link_contrast.toggled.connect(self._on_link)
        self.link_contrast.clicked.connect(self._on_link_clicked)
        self.imod.toggled.connect(lambda on: set_imod_orientation(self._viewer, on))
        self.measures.button.clicked.connect(lambda _: self.measures.draw(self.tomograms.compared))
        bind_key(self._viewer, FLIP_KEY, self.flip)
        self.destroyed.connect(_disconnector(self._emitters(), self.refresh))
        followed = (
            (self._viewer.dims.events.order, self._show_section),
            (self._viewer.dims.events.margin_left, self._show_average),
            (self._viewer.scene.camera.events.orientation, self._follow_camera),
        )
        for emitter, follow in followed:
            emitter.connect(follow)
            self.destroyed.connect(_disconnector([emitter], follow))
            follow()

    def _emitters(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.renamed]

    def refresh(self, event: Any = None) -> None:
        """Take over the layers that there are now."""
        self.tomograms.refresh()
        self.measures.tidy(self.tomograms.compared)
        self._explain()

    def arrange(self) -> None:
        """Show the compared layers side by side, or the first one alone in place."""
        self._arranged.show(
            self.tomograms.compared,
            beside=self._arrangement_buttons["side"].isChecked(),
            link=self.link_contrast.isChecked(),
        )

    def cut(self, section: str) -> None:
        """Display sections of this orientation."""
        self._arranged.cut(section)
        self.sections[section].setChecked(True)

    def _show_section(self, event: Any = None) -> None:
        """The section that is on the screen, whoever chose it."""
        button = self.sections.get(section_of(self._viewer))
        if button is not None:
            button.setChecked(True)

    def _on_average(self, pixels: int) -> None:
        for layer in self.tomograms.compared[:1]:
            sliders.set_average(self._viewer, layer, pixels | 1)

    def _show_average(self, event: Any = None) -> None:
        """The average that is on the screen, whoever asked for it."""
        for layer in self.tomograms.compared[:1]:
            with QSignalBlocker(self.average):
                self.average.setValue(sliders.displayed_average(self._viewer, layer))

    def _follow_camera(self, event: Any = None) -> None:
        """The orientation that the camera has; another dock may have turned it."""
        with QSignalBlocker(self.imod):
            self.imod.setChecked(shows_imod_orientation(self._viewer))

    def flip(self) -> None:
        """In place: show the next compared layer instead of the one on the screen."""
        compared = self.tomograms.compared
        if len(compared) < 2:
            return
        if self._arrangement_buttons["side"].isChecked():
            self._arrangement_buttons["place"].setChecked(True)
            self.arrange()
        self._arranged.swap(compared)

    def _on_ticked(self) -> None:
        self._explain()
        self.measures.tidy(self.tomograms.compared)
        self._show_average()
        if not self._link_chosen:
            self._arranged.link([])  # each as it is by itself
            with QSignalBlocker(self.link_contrast):
                self.link_contrast.setChecked(on_one_scale(self.tomograms.compared))
        self.arrange()

    def _on_link_clicked(self) -> None:
        self._link_chosen = True

    def _on_link(self, on: bool) -> None:
        self._arranged.link(self.tomograms.compared if on else [])

    def _add_difference(self) -> None:
        a, b = self.tomograms.compared[:2]
        self._arranged.add_difference(a, b)

    def _explain(self) -> None:
        compared = self.tomograms.compared
        same = len(compared) > 1 and all(
            np.allclose(one, other)
            for one, other in (
                (compared[0].data.shape[-3:], compared[1].data.shape[-3:]),
                (compared[0].scale[-3:], compared[1].scale[-3:]),
            )
        )
        explain(self.difference_button, same, NEED_TWO, "A layer of the first minus the second")
        explain(self.flip_button, len(compared) > 1, NEED_TWO, "Show the other one in its place")
        explain(self.average, bool(compared), NEED_ONE, AVERAGE_TIP)
        explain(self.measures.button, bool(compared), NEED_ONE, "Draw it below")


def _disconnector(emitters: list[Any], callback: Any) -> Any:
    def disconnect(*_: object) -> None:
        for emitter in emitters:
            emitter.disconnect(callback)

    return disconnect

"""The learned filter's tomogram beside the plain one, as layers of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from napari_lbn._napari import sliders, views
from napari_lbn._napari.aside import Aside
from napari_lbn._napari.layers import contrast_limits, volume_layer
from napari_lbn._napari.metadata import record_of, volume_record

from ..panels.display import segmented
from ..panels.fields import average_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
Section = Literal["xy", "xz"]
AVERAGE = 5
"""Pixels over which a section is averaged at first: single ones are mostly noise."""


class Comparison(QWidget):
    """Section and average of the two tomograms that it arranges side by side.

    Each has a contrast of its own: a learned filter has another scale than the ramp.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._pair: list[Any] = []
        self._aside = Aside(viewer)
        self._group = QButtonGroup(self)
        row, self.sections = segmented(
            [("xy", "XY", "Parallel to the grid"), ("xz", "XZ", "Across the ice")], self._group
        )
        self.sections["xy"].setChecked(True)
        self.average = average_box(AVERAGE)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row, 1)
        layout.addWidget(self.average)
        self._group.buttonClicked.connect(lambda _: self._arrange())
        self.average.valueChanged.connect(lambda _: self._arrange())
        self.setEnabled(False)

    @property
    def pair(self) -> list[Any]:
        """The layers that are compared and still there."""
        return [layer for layer in self._pair if layer in self._viewer.layers]

    def show(
        self,
        name: str,
        pixel_size: float | None,
        tomograms: Sequence[NDArray[Any]],
        kind: str,
    ) -> None:
        """Add the plain tomogram and the filter's, or renew them, and show both.

        Parameters
        ----------
        name : str
            Of the series.
        pixel_size : float or None
            Of the tomograms, in Å.
        tomograms : sequence of ndarray
            Plain WBP and the learned filter's, ``(z, y, x)``.
        kind : str
            Of the filter, for the name.
        """
        names = (f"{name}, WBP, ramp", f"{name}, learned filter, {kind}")
        labels = ("WBP of the measured tilts, ramp", f"BP with a learned filter, {kind}")
        told = [{"series": name, "method": label} for label in labels]
        self._pair = [
            self._put(data, name, pixel_size, facts)
            for data, name, facts in zip(tomograms, names, told, strict=True)
        ]
        sliders.go_to_middle(self._viewer, self._pair[0])
        sliders.go_to_row(self._viewer, self._pair[0], tomograms[0].shape[1] // 2)
        self.setEnabled(True)
        self._arrange()

    def tidy(self) -> None:
        """After layers were removed: no boxes and averages for what is left, and all of it."""
        if self._pair and not self.pair:
            self._pair = []
            self.setEnabled(False)
            views.leave(self._viewer)
            self._aside.bring_back()

    def _put(
        self, data: NDArray[Any], name: str, pixel_size: float | None, facts: dict[str, str]
    ) -> Any:
        """A layer with this tomogram: the one that is there of its kind, where it fits."""
        record = volume_record("tomogram", pixel_size=pixel_size, alpha=None, provenance=facts)
        record["labels"] = [f"{facts['method']}, of {facts['series']}"]
        volume, attributes, _ = volume_layer(data, name=name, pixel_size=pixel_size, record=record)
        for layer in self._viewer.layers:
            if _fits(layer, data.shape, record):
                layer.data, layer.metadata = volume, attributes["metadata"]
                return layer
        return self._viewer.add_image(volume, **attributes)

    def _arrange(self) -> None:
        pair = self.pair
        if not pair:
            return
        section: Section = "xz" if self.sections["xz"].isChecked() else "xy"
        self._aside.forget(pair)
        for layer in pair:
            layer.visible = True
        # each would have a box of its own
        self._aside.put(one for one in self._viewer.layers if not any(one is p for p in pair))
        self._viewer.layers.selection.active = pair[-1]
        views.side_by_side(self._viewer, pair)
        views.set_section(self._viewer, section)
        sliders.set_average(self._viewer, pair[0], self.average.value() | 1)
        for layer in pair:
            shown = sliders.displayed_section(self._viewer, layer)
            layer.contrast_limits = contrast_limits(shown[None])


def _fits(layer: Any, shape: tuple[int, ...], record: dict[str, Any]) -> bool:
    """Whether a layer shows a tomogram of this series, method and size, whatever its name."""
    found = record_of(layer) or {}
    same = all(found.get(key) == record[key] for key in ("labels", "pixel_size"))
    return same and getattr(layer.data, "shape", None) == shape

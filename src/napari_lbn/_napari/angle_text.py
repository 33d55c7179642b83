"""The true tilt angle, and whether it was measured, written on the canvas.

The slider counts tilts, because steps need not be uniform. The text says which angle is
on the screen and colours what the network made up.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from .metadata import record_of, shows_tilts

SYNTHESIZED_COLOUR = "#ff9f40"
"""Used for synthesized tilts everywhere: on the canvas and in the angle strip."""


def tilt_index(layer: Any, point: tuple[float, ...]) -> int | None:
    """Row of `layer` that is displayed at this point of the viewer, None outside its range."""
    position = point[len(point) - layer.ndim] - layer.translate[0]
    index = round(float(position))
    return index if 0 <= index < layer.data.shape[0] else None


def format_angle(angle: float) -> str:
    """An angle as it is written everywhere: sign, one decimal, no negative zero."""
    rounded = round(float(angle), 1)
    sign = "−" if rounded < 0 else "+" if rounded > 0 else ""
    return f"{sign}{abs(rounded):.1f}°"


def describe_tilt(layer: Any, index: int) -> tuple[str, bool]:
    """A line about one tilt, and whether it was synthesized."""
    record = record_of(layer) or {}
    angle = record["angles"][index]
    synthesized = record["synthesized"][index]
    if record["kind"] == "spread tilts":
        state = "spread of the model" if synthesized else "measured: no spread"
    elif synthesized:
        state = "SYNTHESIZED"
    elif record["kind"] == "tilts":
        state = "re-projected (measured tilt)"
    elif index in record["excluded"]:
        state = "measured, excluded"
    else:
        state = "measured"
    return f"{format_angle(angle)}  {state}", synthesized


class AngleText:
    """Drives the text overlay of one viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Not kept alive by this object.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self.note = ""
        viewer.canvas.overlays.scale_bar.visible = True
        viewer.dims.events.point.connect(self.update)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self.update)
        for layer in viewer.layers:
            layer.events.visible.connect(self.update)
        self.update()

    def set_note(self, note: str) -> None:
        """Write a line below the angle, such as what a preview shows; empty for none."""
        self.note = note
        self.update()

    def _on_inserted(self, event: Any) -> None:
        event.value.events.visible.connect(self.update)
        self.update()

    def update(self, event: Any = None) -> None:
        """Write what is displayed now."""
        viewer = self._viewer()
        if viewer is None:
            return
        lines, synthesized = self._lines(viewer)
        overlay = viewer.canvas.overlays.text
        overlay.text = "\n".join(lines)
        overlay.color = SYNTHESIZED_COLOUR if synthesized else None  # the theme's
        overlay.font_size = 11
        overlay.position = "bottom_left"  # above the slider, clear of layer names
        overlay.visible = bool(lines)

    def _lines(self, viewer: Any) -> tuple[list[str], bool]:
        shown = [layer for layer in viewer.layers if layer.visible and shows_tilts(layer)]
        described = []
        for layer in reversed(shown):  # topmost first
            index = tilt_index(layer, viewer.dims.point)
            if index is not None:
                described.append(describe_tilt(layer, index))
        if not viewer.canvas.grid.enabled:
            described = described[:1]
        lines = list(dict.fromkeys(text for text, _ in described))
        if self.note:
            lines.append(self.note)
        return lines, any(synthesized for _, synthesized in described)

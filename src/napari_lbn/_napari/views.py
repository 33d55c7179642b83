"""What the viewer displays of a result: which layers, side by side or not, in which section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .metadata import is_of_a_run, kind_of, shows_tilts
from .sliders import bring_within, displayed_angle, go_to_angle

View = Literal[
    "measured",
    "tilts",
    "wbp",
    "lbn",
    "both",
    "difference",
    "denoised",
    "spread tilts",
    "spread",
    "lbn and spread",
]
SHOWN: Mapping[View, tuple[str, ...]] = {
    "measured": ("measured",),
    "tilts": ("tilts",),
    "wbp": ("wbp",),
    "lbn": ("lbn",),
    "both": ("wbp", "lbn"),
    "difference": ("difference",),
    "denoised": ("denoised",),
    "spread tilts": ("spread tilts",),
    "spread": ("spread",),
    "lbn and spread": ("lbn", "spread"),
}
OF_TILTS = ("measured", "tilts", "spread tilts")
FLIPPED: Mapping[str, View] = {
    "measured": "tilts",
    "tilts": "measured",
    "wbp": "lbn",
    "lbn": "wbp",
    "both": "lbn",
    "difference": "lbn",
    "denoised": "lbn",
    "spread tilts": "tilts",
    "spread": "lbn",
    "lbn and spread": "lbn",
}
SMALLEST_FONT, LARGEST_FONT = 6.0, 10.0
"""Points; the larger one is napari's own."""
WIDTH_OF_CHARACTER = 0.97
"""Pixels for each point of the font, at most."""
DEFAULT_ORIENTATION = ("towards", "down", "right")
IMOD_ORIENTATION = ("towards", "up", "right")


def show(viewer: Any, layers: Mapping[str, Any], view: View) -> None:
    """Make exactly the layers of this view visible, and keep the angle on the screen.

    Layers of other runs and series are hidden; what the user brought along stays as it is.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    layers : mapping of str to Layer
        By role: measured, tilts, wbp, lbn, difference, spread tilts, spread.
    view : str
        A key of `SHOWN`.
    """
    angle = displayed_angle(viewer, layers.values())
    shown = [layers[role] for role in SHOWN[view] if role in layers]
    if not shown:
        return
    ours = [layer for layer in viewer.layers if is_of_a_run(layer)]
    for layer in [*layers.values(), *ours]:
        layer.visible = any(layer is other for other in shown)
    if angle is not None and shows_tilts(shown[0]):
        go_to_angle(viewer, shown[0], angle)
    bring_within(viewer, shown[0])
    viewer.layers.selection.active = shown[-1]
    side_by_side(viewer, shown if len(shown) > 1 else [], fitted_to=layers.values())


def fit(viewer: Any, layers: Iterable[Any]) -> None:
    """Show these layers, and others of their size, as large as the canvas."""
    from .tilt_display import tilt_display

    tilt_display(viewer).framing.fit(layers)


def side_by_side(viewer: Any, layers: list[Any], fitted_to: Iterable[Any] = ()) -> None:
    """Show these layers beside each other, each under its name; an empty list ends it.

    The boxes share one camera and so one scale bar. Never a gridded one: napari 0.9 looks for
    it in the box of a layer that is only just being added, and the IndexError in the middle of
    a paint event makes PySide 6.12 release a method once too often, which crashes later.
    """
    grid = viewer.canvas.grid
    was, boxes = grid.enabled, sum(bool(layer.name_overlay.visible) for layer in viewer.layers)
    grid.enabled = len(layers) > 1
    for layer in viewer.layers:
        layer.name_overlay.visible = grid.enabled and any(layer is one for one in layers)
    grid.stride = 1
    if grid.enabled:
        grid.shape = (-1, 1) if lies_flat(viewer, layers) else (1, -1)
        _fit_names(viewer, layers)
    if was != grid.enabled or (was and boxes != len(layers)):  # each box has another size
        fit(viewer, fitted_to)


def _fit_names(viewer: Any, layers: list[Any]) -> None:
    """Write names smaller where their ends, which tell layers apart, would be cut off."""
    _, width = viewer.canvas.viewbox_size(viewer.layers)
    longest = max(len(layer.name) for layer in layers)
    size = width / (WIDTH_OF_CHARACTER * (longest + 2))  # two for the margins
    for layer in layers:
        layer.name_overlay.font_size = min(max(size, SMALLEST_FONT), LARGEST_FONT)


def leave(viewer: Any) -> None:
    """Give the viewer back as it was found: one box, xy sections, nothing averaged."""
    side_by_side(viewer, [])
    set_section(viewer, "xy")
    nothing = (0.0,) * viewer.dims.ndim
    viewer.dims.margin_left = viewer.dims.margin_right = nothing


def lies_flat(viewer: Any, layers: Iterable[Any] = ()) -> bool:
    """Whether the displayed section of these layers, by default of all, is wider than high."""
    vertical, horizontal = (axis - viewer.dims.ndim for axis in viewer.dims.displayed[-2:])
    extents = [layer.extent.world for layer in layers] or [viewer.layers.extent.world]
    sizes = [extent[1] - extent[0] for extent in extents]
    return bool(
        max(size[horizontal] for size in sizes) > 1.3 * max(size[vertical] for size in sizes)
    )


def set_section(viewer: Any, section: Literal["xy", "xz"], fitted_to: Iterable[Any] = ()) -> None:
    """Display xy sections (through z) or xz sections (through y)."""
    if shows_section(viewer, section):
        return
    viewer.dims.order = _order(viewer, section)
    if viewer.canvas.grid.enabled:
        shown = [layer for layer in viewer.layers if layer.visible]
        viewer.canvas.grid.shape = (-1, 1) if lies_flat(viewer, shown) else (1, -1)
    fit(viewer, fitted_to)


def shows_section(viewer: Any, section: Literal["xy", "xz"]) -> bool:
    """Whether xy or xz sections are on the screen already."""
    return tuple(viewer.dims.order) == _order(viewer, section)


def _order(viewer: Any, section: Literal["xy", "xz"]) -> tuple[int, ...]:
    """Of the axes; images without depth have one only."""
    order = list(range(viewer.dims.ndim))
    if section == "xz" and len(order) > 2:
        order[-3], order[-2] = order[-2], order[-3]
    return tuple(order)


def set_imod_orientation(viewer: Any, enabled: bool) -> None:
    """Look at the data as IMOD does, y up; the data itself is never flipped."""
    viewer.scene.camera.orientation = IMOD_ORIENTATION if enabled else DEFAULT_ORIENTATION


def shows_imod_orientation(viewer: Any) -> bool:
    """Whether the data is looked at as IMOD does, whoever turned the camera."""
    return tuple(viewer.scene.camera.orientation) == IMOD_ORIENTATION


def set_inverted_contrast(layers: Any, inverted: bool) -> None:
    """Display dense material bright; the data keeps its polarity, a spread its colours."""
    for layer in layers:
        if kind_of(layer) in ("spread", "spread tilts"):
            continue
        layer.colormap = "gray_r" if inverted else "gray"


def shows_inverted(layers: Any) -> bool:
    """Whether `set_inverted_contrast` has inverted some of these layers."""
    return any(layer.colormap.name == "gray_r" for layer in layers)

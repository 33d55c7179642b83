"""The sliders of a viewer: which tilt, row or plane of a layer is on the screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from .angle_text import tilt_index
from .metadata import record_of, shows_tilts


def bring_within(viewer: Any, layer: Any) -> None:
    """Move sliders that stand outside of a layer into it, or the screen would stay black.

    Another series may have fewer tilts, thinner ice or another pixel size.
    """
    if shows_tilts(layer) and tilt_index(layer, viewer.dims.point) is None:
        go_to_angle(viewer, layer, 0.0)
    lead = viewer.dims.ndim - layer.ndim
    for axis in range(layer.ndim - 3, layer.ndim):  # z, y, x
        low, high = layer.extent.world[:, axis]
        if not low <= viewer.dims.point[lead + axis] <= high:
            viewer.dims.set_point(lead + axis, (low + high) / 2)


def slice_again(viewer: Any) -> None:
    """Slice every layer at the viewer's point.

    Where a layer's scale or place changes and the sliders' range with it, napari 0.9 moves
    the point into the new range but leaves the layers sliced at the old one, outside of it.
    """
    here = viewer.dims.point[0]
    start, stop, step = viewer.dims.range[0]
    viewer.dims.set_point(0, here + step if here + step <= stop else max(here - step, start))
    viewer.dims.set_point(0, here)


def set_average(viewer: Any, layer: Any, pixels: int) -> None:
    """Display sections of a tomogram averaged over this odd number of pixels; 1 for none.

    Tilts are never averaged: their axis is an angle.
    """
    half = (pixels - 1) / 2 * float(layer.scale[-1])
    lead = (0.0,) * (viewer.dims.ndim - 3)
    viewer.dims.margin_left = viewer.dims.margin_right = (*lead, half, half, half)


def displayed_average(viewer: Any, layer: Any) -> int:
    """Over how many pixels displayed sections of a tomogram are averaged; 1 for none."""
    widest = max(viewer.dims.margin_left[-3:-1], default=0.0)
    return round(2 * widest / float(layer.scale[-1])) + 1


def displayed_section(viewer: Any, layer: Any) -> np.ndarray:
    """The section of a tomogram that is on the screen, averaged as it is there."""
    axis = -2 if viewer.dims.ndim - 2 not in viewer.dims.displayed else -3
    scale, translate = float(layer.scale[axis]), float(layer.translate[axis])
    size = layer.data.shape[axis]
    at = min(max(round((viewer.dims.point[axis] - translate) / scale), 0), size - 1)
    half = round(viewer.dims.margin_left[axis] / scale)
    key = [slice(None)] * 3
    key[axis] = slice(max(at - half, 0), at + half + 1)
    return np.asarray(layer.data[tuple(key)]).mean(axis=axis)


def go_to_row(viewer: Any, layer: Any, row: int) -> None:
    """Move the y slider to a row of a tomogram."""
    axis = viewer.dims.ndim - 2
    viewer.dims.set_point(axis, row * layer.scale[-2] + layer.translate[-2])


def go_to_middle(viewer: Any, layer: Any) -> None:
    """Move the z slider to the middle of a tomogram."""
    depth = layer.data.shape[-3] // 2
    viewer.dims.set_point(viewer.dims.ndim - 3, depth * layer.scale[-3] + layer.translate[-3])


def go_to_tilt(viewer: Any, layer: Any, index: int) -> None:
    """Move the tilt slider to a tilt of this layer."""
    axis = viewer.dims.ndim - layer.ndim
    viewer.dims.set_point(axis, index * layer.scale[0] + layer.translate[0])


def go_to_angle(viewer: Any, layer: Any, angle: float) -> None:
    """Move the tilt slider to the tilt of this layer nearest to an angle."""
    angles = np.asarray((record_of(layer) or {})["angles"])
    go_to_tilt(viewer, layer, int(np.argmin(np.abs(angles - angle))))


def displayed_angle(viewer: Any, layers: Any) -> float | None:
    """Angle of the visible tilt, None where no tilts are visible."""
    for layer in layers:
        if layer.visible and shows_tilts(layer):
            index = tilt_index(layer, viewer.dims.point)
            if index is not None:
                return float((record_of(layer) or {})["angles"][index])
    return None

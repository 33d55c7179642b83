"""Image layers of other readers that become tilt series."""

from __future__ import annotations

from typing import Any

from napari_lbn._napari.layers import tilt_series_layer

from .messages import notify_info
from .panels.angles_entry import series_beside_layer


def adopt(viewer: Any, layer: Any) -> None:
    """Take over a stack that another reader opened, where its angles lie beside it."""
    series = series_beside_layer(layer)
    if series is not None:
        replace_stack(viewer, layer, series)
        notify_info(f"{series.name}: tilt angles found in {series.history['angles']}.")


def replace_stack(viewer: Any, stack: Any, series: Any) -> None:
    """Put a tilt series in the place of the stack whose angles were missing."""
    data, attributes, _ = tilt_series_layer(series)
    viewer.layers.remove(stack)
    viewer.add_image(data, **attributes)

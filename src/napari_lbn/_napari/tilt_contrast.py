"""Contrast that follows the tilt on the screen.

Thick ice makes high tilts dark, and what the network synthesizes is less noisy than what
was measured: no one range suits all tilts.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from .angle_text import tilt_index
from .layers import contrast_limits
from .metadata import kind_of, shows_tilts

SAME = 1e-3
"""Part of the range by which limits may differ and still be the ones set here."""


class TiltContrast:
    """Sets the contrast of visible tilt stacks for the tilt on the screen.

    Whoever changes a layer's contrast by hand keeps it: that layer is left alone from then.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Not kept alive by this object.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._set: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()
        viewer.dims.events.point.connect(self.update)
        viewer.layers.events.inserted.connect(self._on_inserted)
        for layer in viewer.layers:
            self._follow(layer)

    def update(self, event: Any = None) -> None:
        """Adapt the contrast of what is displayed now."""
        viewer = self._viewer()
        if viewer is None:
            return
        for layer in viewer.layers:
            if layer.visible and layer in self._set:
                self._adapt(layer, tilt_index(layer, viewer.dims.point))

    def _on_inserted(self, event: Any) -> None:
        self._follow(event.value)

    def _follow(self, layer: Any) -> None:
        if shows_tilts(layer) and kind_of(layer) != "spread tilts":  # which are to be compared
            self._set[layer] = tuple(layer.contrast_limits)
            layer.events.visible.connect(self.update)
            layer.events.data.connect(self.update)
            self.update()

    def _adapt(self, layer: Any, index: int | None) -> None:
        low, high = self._set[layer]
        if not np.allclose(layer.contrast_limits, (low, high), atol=SAME * (high - low), rtol=0):
            del self._set[layer]  # changed by hand
            return
        if index is None:
            return
        image = np.asarray(layer.data[index, 0])
        if image.max() > image.min():  # not one that is still to come
            layer.contrast_limits = contrast_limits(image[None])
            self._set[layer] = tuple(layer.contrast_limits)

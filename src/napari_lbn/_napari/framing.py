"""A view that was fitted to the canvas stays fitted when the canvas changes its size.

napari keeps the zoom: a dock that opens would leave the middle of a wide image on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import ref

import numpy as np

SAME = 1e-4
"""Part of the zoom by which two views may differ and be the same."""
NEARLY = 0.15
"""The same, and part of the canvas, for one that napari fitted before its window was laid out."""


class Framing:
    """Fits the view of one viewer again, unless the user has zoomed or moved it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Not kept alive by this object.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._fitted: np.ndarray | None = None
        self._layers: tuple[Any, ...] = ()  # fitted to these; to all where there are none
        viewer.events.reset_view.connect(self._on_fitted)
        viewer.canvas.events.size.connect(self._on_size)
        self._look(viewer)

    def fit(self, layers: Iterable[Any] = ()) -> None:
        """Fit the view to these layers: of other series there may be others, larger ones.

        To all of them where none of these has every axis of the viewer: napari 0.9 then mixes
        up which are displayed.
        """
        viewer = self._viewer()
        if viewer is None:
            return
        present = tuple(layer for layer in layers if layer in viewer.layers)
        if not any(layer.ndim == viewer.dims.ndim for layer in present):
            present = ()
        viewer.fit_to_view(layers=present or None)
        self._layers = present  # after the event has forgotten those before

    def _look(self, viewer: Any) -> None:
        """Find out whether the view is a fitted one, and leave it as it is."""
        camera = viewer.scene.camera
        if not viewer.layers or viewer.dims.ndisplay != 2:
            return
        center, zoom, before = camera.center, camera.zoom, view_of(camera)
        viewer.fit_to_view()  # notes what a fitted view is
        shift = np.abs(view_of(camera) - before)[1:] * zoom / min(viewer.canvas.size)
        alike = abs(np.log(zoom / camera.zoom)) < NEARLY and shift.max() < NEARLY
        if not alike:
            camera.center, camera.zoom = center, zoom

    def _on_fitted(self, event: Any = None) -> None:
        viewer = self._viewer()
        if viewer is not None:
            self._layers = ()
            self._fitted = view_of(viewer.scene.camera)

    def _on_size(self, event: Any = None) -> None:
        viewer = self._viewer()
        if viewer is None or not viewer.layers or viewer.dims.ndisplay != 2:
            return
        if self._is_fitted(view_of(viewer.scene.camera)):
            self.fit(self._layers)

    def _is_fitted(self, view: np.ndarray) -> bool:
        if self._fitted is None:
            return False
        zoom = view[0]
        shift = np.abs(view - self._fitted)[1:] * zoom  # canvas pixels
        return bool(abs(zoom - self._fitted[0]) <= SAME * zoom and shift.max() < 1)


def view_of(camera: Any) -> np.ndarray:
    """Zoom, and the y and x that are in the middle of the canvas."""
    return np.array([camera.zoom, *camera.center[-2:]], float)

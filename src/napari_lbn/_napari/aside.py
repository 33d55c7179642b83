"""Layers that are away while others are compared, and come back afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .metadata import is_of_a_run


class Aside:
    """Hides what lies on or beside compared layers, and remembers what is not of a run.

    Layers of a run are shown and hidden by the correction dock; whatever else was visible the
    user has brought along, and would miss.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: list[Any] = []

    def put(self, layers: Iterable[Any]) -> None:
        """Hide these layers; one that the user has shown again since stays."""
        self._layers = [layer for layer in self._layers if layer in self._viewer.layers]
        for layer in layers:
            if is_of_a_run(layer):
                layer.visible = False
            elif layer.visible and not _among(layer, self._layers):
                layer.visible = False
                self._layers.append(layer)

    def forget(self, layers: Iterable[Any]) -> None:
        """These are compared now: hidden again when they no longer are."""
        compared = list(layers)
        self._layers = [one for one in self._layers if not _among(one, compared)]

    def bring_back(self, which: Callable[[Any], bool] = lambda _: True) -> None:
        """Show what was put aside, or some of it."""
        coming = [layer for layer in self._layers if which(layer)]
        self.forget(coming)
        for layer in coming:
            layer.visible = True


def _among(one: Any, others: list[Any]) -> bool:
    return any(one is other for other in others)

"""Layers of a run, which the next run of the same series takes over and may give back."""

from __future__ import annotations

from typing import Any

from .metadata import kind_of
from .names import note_name, rename

ATTRIBUTES = ("metadata", "scale", "translate", "units", "contrast_limits")
"""Of a layer, in this order, that a run sets on one it takes over."""


class RunLayers:
    """Which layers show a run, by role: those of `views.SHOWN`.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layers are.
    previous : RunLayers, optional
        Layers of an earlier run that are still there are reused. One that the user has removed
        since the earlier run was told to `forget_removed` stays away.
    """

    def __init__(self, viewer: Any, previous: RunLayers | None = None) -> None:
        self._viewer = viewer
        self._layers: dict[str, Any] = {} if previous is None else dict(previous._layers)
        self._fresh: set[str] = set()  # layers that show this run rather than the last one
        self._shown: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._previous = previous
        if previous is not None:
            previous.keep_contrast()

    def present(self) -> dict[str, Any]:
        """The layers that the user has not removed, by role."""
        return {role: layer for role, layer in self._layers.items() if layer in self._viewer.layers}

    def removed(self, role: str) -> bool:
        """Whether the user has removed the layer of a role, which then stays away."""
        return role in self._layers and role not in self.present()

    def forget_removed(self, *roles: str) -> None:
        """Let these layers (all by default) come back, though the user has removed them before."""
        gone = [role for role in self._layers if self.removed(role)]
        for role in gone:
            if not roles or role in roles:
                del self._layers[role]

    def layer(self, role: str) -> Any | None:
        """The layer of a role; None where it does not exist (yet, or any more)."""
        return self.current().get(role)

    def current(self) -> dict[str, Any]:
        """The layers that show this run, by role."""
        return {role: layer for role, layer in self.present().items() if role in self._fresh}

    def put(self, role: str, data: Any, attributes: dict[str, Any]) -> None:
        """Show `data` in the layer of an earlier run, or in a new one; in none once removed."""
        if self.removed(role):
            return
        layer = self.present().get(role)
        self._fresh.add(role)
        self._shown[role] = (data, attributes)
        if layer is None:
            self._layers[role] = self._viewer.add_image(data, **attributes)
            note_name(self._layers[role])
            return
        layer.data = data
        rename(layer, attributes["name"])
        for key in ATTRIBUTES:
            if key in attributes:
                setattr(layer, key, attributes[key])

    def refresh(self, roles: tuple[str, ...], *, thumbnail: bool = False) -> None:
        """Slice the visible ones of these layers again."""
        for role in roles:
            layer = self.layer(role)
            if layer is not None:
                layer.refresh(extent=False, thumbnail=thumbnail)
        if {"wbp", "lbn"} & set(roles):
            self._refresh_differences()

    def _refresh_differences(self) -> None:
        """Those that the user has made of tomograms, which may be this run's."""
        own = self.layer("difference")
        for layer in self._viewer.layers:
            if kind_of(layer) == "difference" and layer is not own:
                layer.refresh(extent=False, thumbnail=False)

    def discard(self) -> None:
        """Undo a run that was cancelled or failed: the layers show the run before it, or go."""
        previous, fresh = self._previous, self._fresh
        self._previous, self._fresh = None, set()
        for role in fresh:
            layer = self.present().get(role)
            if layer is None:
                continue
            # of the run before it, or in the place of one that the user had removed
            if previous is not None and previous.present().get(role) is layer:
                previous.restore(role)
            else:
                self._viewer.layers.remove(layer)

    def shown(self, role: str) -> tuple[Any, dict[str, Any]] | None:
        """Data and attributes that this run gave to the layer of a role."""
        return self._shown.get(role)

    def keep_contrast(self) -> None:
        """Before a later run takes the layers over: `restore` shows them as they are now."""
        for role, layer in self.current().items():
            self._shown[role][1]["contrast_limits"] = tuple(layer.contrast_limits)

    def restore(self, role: str) -> None:
        """Show this run again in the layer of a role that a later one had taken over."""
        data, attributes = self._shown[role]
        self.put(role, data, attributes)

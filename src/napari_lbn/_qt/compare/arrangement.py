"""How a viewer shows tomograms that are compared: side by side, in place, as a difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_lbn._napari.aside import Aside
from napari_lbn._napari.layers import contrast_limits
from napari_lbn._napari.metadata import record_of, volume_record
from napari_lbn._napari.views import side_by_side

from .measures import DifferenceVolume

WIDEST = 3.0
"""Times a tomogram's own contrast range: in a wider one it looks flat."""
LINKED = ("contrast_limits", "gamma", "colormap")
ORDERS = {"xy": (0, 1, 2), "xz": (1, 0, 2), "yz": (2, 0, 1)}


def difference_name(a: str, b: str) -> str:
    """What "a − b" is called: what both names begin with is said once."""
    words, others = a.split(" "), b.split(" ")
    shared = 0
    while shared < min(len(words), len(others)) - 1 and words[shared] == others[shared]:
        shared += 1
    start = "".join(f"{word} " for word in words[:shared])
    first, second = " ".join(words[shared:]), " ".join(others[shared:])
    return f"{start}{first} − ({second})" if " " in second else f"{start}{first} − {second}"


def section_of(viewer: Any) -> str:
    """The section that a viewer displays: "xy", "xz" or "yz"; empty where it is none of these."""
    lead = viewer.dims.ndim - 3
    order = tuple(axis - lead for axis in viewer.dims.order[-3:])
    return next((name for name, axes in ORDERS.items() if axes == order), "")


def on_one_scale(compared: list[Any]) -> bool:
    """Whether one contrast can show all of these: other programs have other units of density."""
    if not compared:
        return True
    low, high = _common_limits(compared)
    narrowest = min(float(np.ptp(layer.contrast_limits)) for layer in compared)
    return high - low <= WIDEST * narrowest


def _common_limits(layers: list[Any]) -> tuple[float, float]:
    limits = np.array([layer.contrast_limits for layer in layers])
    return float(limits[:, 0].min()), float(limits[:, 1].max())


class _Shown:
    """What a layer shows now; what it showed last once that is of another shape."""

    def __init__(self, layer: Any) -> None:
        self._layer, self._data = layer, layer.data
        self.shape = tuple(layer.data.shape)

    def __getitem__(self, key: Any) -> Any:
        if tuple(self._layer.data.shape) == self.shape:
            self._data = self._layer.data
        return self._data[key]


class Arrangement:
    """Arranges the compared layers of one viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._linked: list[tuple[Any, tuple[float, float]]] = []
        self._common = (0.0, 1.0)
        self._aside = Aside(viewer)

    def show(self, compared: list[Any], *, beside: bool, link: bool) -> None:
        """Show the compared layers side by side, or the first one alone in place.

        In place, points, labels and shapes stay as they are. Side by side they are away: each
        would have a box of its own. Whatever the user has brought along is back once nothing is
        compared.
        """
        if not compared:
            side_by_side(self._viewer, [])
            self._aside.bring_back()
            return
        beside = beside and len(compared) > 1
        self._show_images(compared if beside else compared[:1])
        if beside:
            self._aside.put(self._others(compared))
        else:
            self._aside.bring_back(_lies_on_images)
        self.link(compared if link else [])
        self._viewer.layers.selection.active = compared[0]
        side_by_side(self._viewer, compared if beside else [])
        for layer in compared:  # in place too, or nobody would know which one is on the screen
            layer.name_overlay.visible = True

    def swap(self, compared: list[Any]) -> None:
        """Show the next compared layer instead of the one on the screen."""
        shown = next((i for i, layer in enumerate(compared) if layer.visible), -1)
        self._show_alone(compared[(shown + 1) % len(compared)])

    def cut(self, section: str) -> None:
        """Display sections of this orientation: "xy", "xz" or "yz"."""
        dims = self._viewer.dims
        if dims.ndim < 3:
            return
        lead = tuple(range(dims.ndim - 3))
        dims.order = (*lead, *(len(lead) + axis for axis in ORDERS[section]))
        self._viewer.reset_view()

    def link(self, compared: list[Any]) -> None:
        """One contrast for all of these; those before get their own back, if nobody set another."""
        from napari.experimental import link_layers, unlink_layers

        present = [(layer, own) for layer, own in self._linked if layer in self._viewer.layers]
        if len(present) > 1:
            unlink_layers([layer for layer, _ in present])
        for layer, own in present:
            if tuple(layer.contrast_limits) == self._common:
                layer.contrast_limits = own
        self._linked = []
        if len(compared) > 1:
            self._linked = [(layer, tuple(layer.contrast_limits)) for layer in compared]
            self._common = _common_limits(compared)
            for layer in compared:
                layer.contrast_limits = self._common
            link_layers(compared, LINKED)

    def add_difference(self, a: Any, b: Any) -> None:
        """Add a layer of one tomogram minus another, computed where it is displayed."""
        data = DifferenceVolume(_Shown(a), _Shown(b))
        low, high = contrast_limits(data)
        bound = max(abs(low), abs(high))
        pixel_size = (record_of(a) or {}).get("pixel_size")
        record = volume_record("difference", pixel_size=pixel_size, alpha=None, provenance={})
        layer = self._viewer.add_image(
            data,
            name=difference_name(a.name, b.name),
            colormap="gray",
            contrast_limits=(-bound, bound),
            metadata={"napari_lbn": record},
            scale=a.scale,
            translate=a.translate,
            units=a.units,
            axis_labels=a.axis_labels,
            multiscale=False,
        )
        if self._viewer.canvas.grid.enabled:
            side_by_side(self._viewer, [one for one in self._viewer.layers if one.visible])
        else:
            self._show_alone(layer)
            layer.name_overlay.visible = True

    def _show_alone(self, shown: Any) -> None:
        """In place, where the names of two would lie on each other."""
        self._show_images([shown])
        self._viewer.layers.selection.active = shown

    def _show_images(self, shown: list[Any]) -> None:
        """These alone; points, labels and shapes lie on them and stay as they are."""
        self._aside.forget(shown)
        for layer in shown:
            layer.visible = True
        self._aside.put(one for one in self._others(shown) if _is_image(one))

    def _others(self, shown: list[Any]) -> list[Any]:
        return [one for one in self._viewer.layers if not any(one is other for other in shown)]


def _is_image(layer: Any) -> bool:
    from napari.layers import Image

    return isinstance(layer, Image)


def _lies_on_images(layer: Any) -> bool:
    return not _is_image(layer)

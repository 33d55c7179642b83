"""The layers of one correction, filled while it runs.

Volumes have their full shape from the start and slabs are written into them as they come,
so that a preview is displayed at once in the very layers that the result ends up in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_lbn.engine.events import SlabReady, TiltReady

from .layers import contrast_limits, tilt_axes, volume_layer
from .lazy import BlendedVolume, ScaledVolume
from .metadata import KEY, tilts_record, volume_record
from .room import Extent, allocate, allocate_volume
from .run_layers import RunLayers

DENOISED = "denoised (LBN, synthesized throughout)"
LINKED = ("contrast_limits", "gamma", "colormap")


class ResultLayers(RunLayers):
    """Synthesized tilts, tomogram WBP, tomogram WBP + LBN and their difference.

    On request also a denoised tomogram, which is synthesized throughout.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layers are.
    extent : Extent
        Shapes, angles and name.
    in_memory : int, optional
        Bytes of one volume above which it lives in a temporary file.
    previous : ResultLayers, optional
        Layers of an earlier run that are still there are reused.
    """

    def __init__(
        self,
        viewer: Any,
        extent: Extent,
        *,
        in_memory: int | None = None,
        previous: ResultLayers | None = None,
    ) -> None:
        super().__init__(viewer, previous)
        self.extent = extent
        self.provenance: dict[str, Any] = {}
        shape = (extent.thickness, *extent.tilt_shape)
        tilts_shape = (len(extent.angles), 1, *extent.tilt_shape)
        self.tilts = allocate(tilts_shape, in_memory=in_memory)
        self.measured = allocate_volume(shape, in_memory=in_memory)
        self.synthesized_part = allocate_volume(shape, in_memory=in_memory)
        self.blended = BlendedVolume(self.measured, self.synthesized_part)
        self.added = ScaledVolume(self.synthesized_part)
        self.denoised: np.ndarray | None = None
        self._in_memory = in_memory

    def add_tilt(self, event: TiltReady) -> None:
        """Put a tilt into its layer."""
        self.tilts[event.index, 0] = event.image
        layer = self.layer("tilts")
        if layer is not None:
            layer.refresh(extent=False, thumbnail=False)

    def show_tilts(self, limits: tuple[float, float] | None = None) -> None:
        """Bring the tilts layer into being."""
        record = tilts_record(
            self.extent.angles,
            self.extent.synthesized,
            pixel_size=self.extent.pixel_size,
            provenance=self.provenance,
        )
        attributes = {
            "name": f"{self.extent.label} tilts LBN",
            "colormap": "gray",
            "contrast_limits": limits or contrast_limits(self.tilts),
            "metadata": {KEY: record},
            "multiscale": False,
            **tilt_axes(
                self.extent.pixel_size,
                self.measured.shape[0],
                first_tilt=first_tilt(self.extent.synthesized),
            ),
        }
        self.put("tilts", self.tilts, attributes)

    def add_slab(self, event: SlabReady) -> None:
        """Put a slab into its volume; the layers appear with the first one of both parts."""
        if event.part == "denoised":
            self._add_denoised(event)
            return
        volume = self.measured if event.part == "measured" else self.synthesized_part
        volume[:, event.y_start : event.y_stop] = event.slab
        if event.part == "measured":
            self._show_volume("wbp", self.measured, f"{self.extent.label} WBP", event)
        else:
            self._show_volume("lbn", self.blended, f"{self.extent.label} WBP + LBN", event)
            self.refresh(("lbn", "difference"))
            self._link()

    def _add_denoised(self, event: SlabReady) -> None:
        """A volume of its own, with a contrast of its own."""
        if self.denoised is None:
            shape = self.measured.shape
            self.denoised = allocate_volume(shape, in_memory=self._in_memory)
        self.denoised[:, event.y_start : event.y_stop] = event.slab
        if self.layer("denoised") is not None:
            self.refresh(("denoised",))
            return
        limits = contrast_limits(np.moveaxis(event.slab, 1, 0))
        self._put_volume("denoised", self.denoised, f"{self.extent.label} {DENOISED}", limits)

    def show_difference(self) -> None:
        """Bring the layer of the difference into being: what the synthesized tilts add."""
        if self.layer("difference") is not None:
            return
        self.forget_removed("difference")  # asked for again
        low, high = contrast_limits(self.added)
        bound = max(abs(low), abs(high))
        self._put_volume(
            "difference", self.added, f"{self.extent.label} difference", (-bound, bound)
        )

    def set_alpha(self, alpha: float) -> None:
        """Blend the synthesized part in by `alpha`; only the displayed slice is recomputed."""
        self.blended.alpha = self.added.alpha = float(alpha)
        for role in ("lbn", "difference"):
            layer = self.layer(role)
            if layer is not None:
                layer.metadata[KEY]["alpha"] = float(alpha)
        self.refresh(("lbn", "difference"))

    def show_masked(self, masked: Any | None) -> None:
        """Show a masked volume in the place of the blended one; None for the whole of it."""
        layer = self.layer("lbn")
        if layer is None:
            return
        if masked is None and "masked_above" not in layer.metadata[KEY]:
            return  # whole already, or of a later run
        layer.data = self.blended if masked is None else masked
        record = {k: v for k, v in layer.metadata[KEY].items() if k != "masked_above"}
        if masked is not None:
            record["masked_above"] = masked.threshold
        layer.metadata = {**layer.metadata, KEY: record}

    def finish(self, tilts: np.ndarray, provenance: Mapping[str, Any]) -> None:
        """Take over the final tilts ``(n, y, x)`` and write the provenance into every layer."""
        self.provenance = dict(provenance)
        self.tilts = tilts[:, None]
        layer = self.layer("tilts")
        self.show_tilts(None if layer is None else tuple(layer.contrast_limits))
        for role in self._fresh:
            layer = self.layer(role)
            if layer is not None:
                layer.metadata[KEY]["provenance"] = dict(provenance)
        if "difference" in self.present():  # of an earlier run
            self.show_difference()
        stale = self.present().get("denoised")
        if stale is not None and "denoised" not in self._fresh:
            self._viewer.layers.remove(stale)  # this run made none
        self._previous = None
        self.refresh(("wbp", "lbn", "difference", "denoised", "tilts"), thumbnail=True)

    def _show_volume(self, role: str, data: Any, name: str, event: SlabReady) -> None:
        if self.layer(role) is not None:
            self.refresh((role,))
            return
        other = self.layer("wbp")
        rows = data[:, event.y_start : event.y_stop]
        limits = contrast_limits(np.moveaxis(rows, 1, 0))
        self._put_volume(role, data, name, limits if other is None else other.contrast_limits)

    def _put_volume(self, role: str, data: Any, name: str, limits: tuple[float, float]) -> None:
        record = volume_record(
            "difference" if role == "difference" else "tomogram",
            pixel_size=self.extent.pixel_size,
            alpha={"wbp": 0.0, "denoised": None}.get(role, self.blended.alpha),
            provenance=self.provenance,
            throughout=role == "denoised",
        )
        _, attributes, _ = volume_layer(
            data, name=name, pixel_size=self.extent.pixel_size, record=record, limits=limits
        )
        self.put(role, data, attributes)

    def _link(self) -> None:
        """Keep the contrast of both tomograms the same, whichever the user changes."""
        pair = [self.layer("wbp"), self.layer("lbn")]
        if None not in pair:
            from napari.experimental import link_layers

            link_layers(pair, LINKED)


def first_tilt(synthesized: np.ndarray) -> float:
    """Place of the first tilt: the first measured one stands at 0, as in its own layer."""
    measured = np.flatnonzero(~synthesized)
    return -float(measured[0]) if measured.size else 0.0

"""The layers of a disagreement, and a tomogram masked by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_lbn.engine.events import SlabReady

from .layers import tilt_axes, volume_layer
from .lazy import MaskedVolume, SpreadTilts
from .metadata import KEY, tilts_record, volume_record
from .names import name_of_user, note_name
from .results import ResultLayers, first_tilt
from .room import Extent, allocate_volume

COLOURS = "magma"
BRIGHTEST = 99.5
"""Percentile of the spread that is displayed brightest."""
SAMPLED_VOXELS = 200_000
RELATIVE_PART = "relative spread"


class SpreadLayers:
    """Spread of the synthesized tilts and relative spread of the tomogram, as layers.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layers will be.
    extent : Extent
        Of the correction whose disagreement it is.
    in_memory : int, optional
        Bytes of the volume above which it lives in a temporary file.
    """

    def __init__(self, viewer: Any, extent: Extent, *, in_memory: int | None = None) -> None:
        self._viewer = viewer
        self.extent = extent
        self.volume = allocate_volume((extent.thickness, *extent.tilt_shape), in_memory=in_memory)
        self._sample = np.zeros(1, np.float32)
        self._layers: dict[str, Any] = {}

    def add_slab(self, event: SlabReady) -> None:
        """Put a slab of the relative spread into the volume; nothing else is displayed."""
        if event.part == RELATIVE_PART:
            self.volume[:, event.y_start : event.y_stop] = event.slab

    def finish(self, found: Any, previous: SpreadLayers | None = None) -> None:
        """Bring the layers into being, in place of those of an earlier disagreement.

        Parameters
        ----------
        found : Disagreement
            Of the engine.
        previous : SpreadLayers, optional
            Its layers are removed; names that the user gave them stay.
        """
        step = max(self.volume.size // SAMPLED_VOXELS, 1)
        self._sample = np.sort(self.volume.transpose(1, 0, 2).reshape(-1)[::step])
        before = {} if previous is None else previous.current()
        names = {role: name_of_user(layer) for role, layer in before.items()}
        if previous is not None:
            previous.remove()
        self._add_tilts(found)
        self._add_volume(found)
        for role, layer in self._layers.items():
            note_name(layer)
            if names.get(role):
                layer.name = names[role]

    def current(self) -> dict[str, Any]:
        """The layers that the user has not removed, by role."""
        return {role: layer for role, layer in self._layers.items() if layer in self._viewer.layers}

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        for layer in self.current().values():
            self._viewer.layers.remove(layer)

    def share_above(self, threshold: float) -> float:
        """Share of the voxels whose relative spread exceeds a threshold."""
        below = np.searchsorted(self._sample, threshold, side="right")
        return float(1 - below / self._sample.size)

    def quantile(self, share: float) -> float:
        """The relative spread that this share of the voxels stays below."""
        return float(np.quantile(self._sample, share))

    def fits(self, layers: ResultLayers | None) -> bool:
        """Whether a tomogram has the voxels of this spread."""
        return layers is not None and layers.measured.shape == self.volume.shape

    def masked(self, layers: ResultLayers, threshold: float, *, blank: bool) -> MaskedVolume:
        """The tomogram without regions whose spread exceeds a threshold.

        Parameters
        ----------
        layers : ResultLayers
            Of the tomogram.
        threshold : float
            Of the relative spread.
        blank : bool
            Show nothing there; else the tomogram of the measured tilts.
        """
        instead = None if blank else layers.measured
        return MaskedVolume(layers.blended, instead, self.volume, threshold=threshold)

    def _add_tilts(self, found: Any) -> None:
        extent = self.extent
        record = tilts_record(
            extent.angles,
            extent.synthesized,
            pixel_size=extent.pixel_size,
            provenance=found.provenance,
            kind="spread tilts",
        )
        self._layers["spread tilts"] = self._viewer.add_image(
            SpreadTilts(found.spread, extent.synthesized),
            name=f"{extent.label} spread of tilts",
            colormap=COLOURS,
            contrast_limits=_limits(found.spread[:: max(len(found.spread) // 8, 1), ::4, ::4]),
            metadata={KEY: record},
            multiscale=False,
            visible=False,
            **tilt_axes(
                extent.pixel_size, extent.thickness, first_tilt=first_tilt(extent.synthesized)
            ),
        )

    def _add_volume(self, found: Any) -> None:
        extent = self.extent
        record = volume_record(
            "spread", pixel_size=extent.pixel_size, alpha=None, provenance=found.provenance
        )
        data, attributes, _ = volume_layer(
            self.volume,
            name=f"{extent.label} {found.label}",
            pixel_size=extent.pixel_size,
            record=record,
            limits=_limits(self._sample),
        )
        self._layers["spread"] = self._viewer.add_image(
            data, **{**attributes, "colormap": COLOURS, "visible": False}
        )


def _limits(values: np.ndarray) -> tuple[float, float]:
    """From 0, no spread, to nearly the highest one."""
    high = float(np.percentile(values, BRIGHTEST))
    return 0.0, high if high > 0 else 1.0

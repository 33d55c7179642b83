"""Sample data: a simulated tilt series whose missing tilts are known."""

from __future__ import annotations

from .layers import LayerTuple, tilt_series_layer, volume_layer
from .metadata import volume_record


def simulated_tilt_series() -> list[LayerTuple]:
    """A simulated tilt series and, hidden below it, the specimen that it was made from."""
    from napari_lbn.engine.simulation import sample_series

    from .reader import _show_angles

    series, truth = sample_series()
    _show_angles()
    layers = []
    if truth is not None:
        record = volume_record(
            "tomogram", pixel_size=series.pixel_size, alpha=None, provenance={"simulated": True}
        )
        name = f"{series.name} truth"
        data, attributes, kind = volume_layer(
            truth, name=name, pixel_size=series.pixel_size, record=record
        )
        layers.append((data, {**attributes, "visible": False}, kind))
    return [*layers, tilt_series_layer(series)]

"""Sample data: a simulated tilt series whose missing tilts are known."""

from __future__ import annotations

import numpy as np

from napari_lbn.engine.tilt_series import TiltSeries

from .layers import LayerTuple, thickness_in_pixels, tilt_series_layer, volume_layer
from .metadata import volume_record


def simulated_tilt_series() -> list[LayerTuple]:
    """A simulated tilt series and, hidden below it, the specimen that it was made from."""
    from napari_lbn.engine.simulation import sample_series

    from .reader import _show_angles

    series, truth = sample_series()
    _show_angles()
    layers = [tilt_series_layer(series)]
    if truth is not None:
        layers.append(_truth_layer(truth, series))
    return layers


def _truth_layer(truth: np.ndarray, series: TiltSeries) -> LayerTuple:
    """The specimen, hidden, in the middle of a tomogram of the default thickness."""
    record = volume_record(
        "tomogram", pixel_size=series.pixel_size, alpha=None, provenance={"simulated": True}
    )
    data, attributes, kind = volume_layer(
        truth, name=f"{series.name} truth", pixel_size=series.pixel_size, record=record
    )
    above = (thickness_in_pixels(series.pixel_size) - truth.shape[0]) / 2
    place = (above * attributes["scale"][0], 0.0, 0.0)
    return data, {**attributes, "visible": False, "translate": place}, kind

"""Layer data of tilt series, synthesized tilts and tomograms.

Tilt stacks are ``(n, 1, y, x)`` with labels ``('tilt', 'z', 'y', 'x')``, tomograms
``(z, y, x)``; lengths are ångström where the pixel size is known and pixels where it is
not. The unit z axis of a stack is as deep as the specimen and centred on it, so that a
tilt stays in view wherever the z slider of a tomogram stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_lbn.engine.tilt_series import TiltSeries

from .lazy import TiltStack
from .metadata import KEY, series_record

LayerTuple = tuple[Any, dict[str, Any], str]

DEFAULT_THICKNESS_NM = 200.0
DEFAULT_THICKNESS_PX = 200
SAMPLED_IMAGES = 7
SAMPLED_PIXELS = 200_000


def length_units(pixel_size: float | None) -> str:
    """Unit of y and x: 'A' would mean ampere to napari."""
    return "pixel" if pixel_size is None else "angstrom"


def tilt_axes(
    pixel_size: float | None, thickness: int, *, first_tilt: float = 0.0
) -> dict[str, Any]:
    """Scale, place, units and labels of a tilt stack.

    Parameters
    ----------
    pixel_size : float or None
        Ångström.
    thickness : int
        Of the specimen, in pixels of `pixel_size`.
    first_tilt : float
        Place of the first tilt on the tilt axis, so that two stacks that share angles can
        share the slider.
    """
    pixel = 1.0 if pixel_size is None else float(pixel_size)
    unit = length_units(pixel_size)
    return {
        "scale": (1.0, pixel * thickness, pixel, pixel),
        "translate": (first_tilt, pixel * (thickness - 1) / 2, 0.0, 0.0),
        "units": ("degree", unit, unit, unit),
        "axis_labels": ("tilt", "z", "y", "x"),
    }


def volume_axes(pixel_size: float | None) -> dict[str, Any]:
    """Scale, units and labels of a tomogram."""
    pixel = 1.0 if pixel_size is None else float(pixel_size)
    return {
        "scale": (pixel,) * 3,
        "units": (length_units(pixel_size),) * 3,
        "axis_labels": ("z", "y", "x"),
    }


def thickness_in_pixels(pixel_size: float | None) -> int:
    """The thickness assumed until the user says otherwise."""
    if pixel_size is None:
        return DEFAULT_THICKNESS_PX
    return max(round(DEFAULT_THICKNESS_NM * 10 / pixel_size), 2)


def contrast_limits(data: Any, *, low: float = 0.5, high: float = 99.5) -> tuple[float, float]:
    """Percentiles of a few images spread over a stack or volume.

    napari's own guess looks at three planes and is thrown off by hot pixels and gold.
    """
    count = data.shape[0]
    chosen = np.unique(np.linspace(0, count - 1, min(SAMPLED_IMAGES, count)).astype(int))
    images = [np.asarray(data[int(i)]).ravel() for i in chosen]
    step = max(sum(image.size for image in images) // SAMPLED_PIXELS, 1)
    sample = np.concatenate([image[::step] for image in images]).astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    lower, upper = (float(v) for v in np.percentile(sample, (low, high)))
    return (lower, upper) if upper > lower else (lower, lower + 1.0)


def tilt_series_layer(series: TiltSeries, *, thickness: int | None = None) -> LayerTuple:
    """A measured tilt series as an image layer.

    Parameters
    ----------
    series : TiltSeries
        The images stay where they are and are read when displayed.
    thickness : int, optional
        Of the specimen in pixels; 200 nm by default.
    """
    stack = TiltStack(series)
    depth = thickness_in_pixels(series.pixel_size) if thickness is None else thickness
    attributes = {
        "name": series.name,
        "colormap": "gray",
        "contrast_limits": contrast_limits(stack),
        "metadata": {KEY: series_record(series)},
        "multiscale": False,
        **tilt_axes(series.pixel_size, depth),
    }
    return stack, attributes, "image"


def volume_layer(
    data: Any,
    *,
    name: str,
    pixel_size: float | None,
    record: Mapping[str, Any],
    limits: tuple[float, float] | None = None,
) -> LayerTuple:
    """A tomogram or a difference ``(z, y, x)`` as an image layer."""
    attributes = {
        "name": name,
        "colormap": "gray",
        "contrast_limits": contrast_limits(data) if limits is None else limits,
        "metadata": {KEY: dict(record)},
        "multiscale": False,
        **volume_axes(pixel_size),
    }
    return data, attributes, "image"


def update_series_layer(layer: Any, series: TiltSeries, *, thickness: int | None = None) -> None:
    """Let a layer show a changed tilt series: other pixel size, angles, exclusions, thickness."""
    depth = thickness_in_pixels(series.pixel_size) if thickness is None else thickness
    before = layer.metadata.get(KEY, {}).get("series")
    layer.metadata = {**layer.metadata, KEY: series_record(series)}
    if before is None or before.sections is not series.sections:
        layer.data = TiltStack(series)
    for key, value in tilt_axes(series.pixel_size, depth).items():
        if key != "axis_labels":
            setattr(layer, key, value)

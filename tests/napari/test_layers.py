"""Layers of one series agree with one another in a viewer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.layers import (
    contrast_limits,
    tilt_series_layer,
    update_series_layer,
    volume_layer,
)
from napari_lbn._napari.metadata import record_of, series_of, volume_record
from napari_lbn.engine.tilt_series import TiltSeries


def add(viewer: ViewerModel, layer: tuple) -> object:
    data, attributes, _ = layer
    return viewer.add_image(data, **attributes)


def tomogram(pixel_size: float | None, shape: tuple[int, int, int] = (20, 12, 16)) -> tuple:
    record = volume_record("tomogram", pixel_size=pixel_size, alpha=0.0, provenance={})
    data = np.zeros(shape, np.float32)
    return volume_layer(data, name="t", pixel_size=pixel_size, record=record)


@pytest.mark.parametrize("pixel_size", [10.0, 1.35, None])
def test_tilts_stay_in_view_at_every_z_of_the_tomogram(
    images: np.ndarray, pixel_size: float | None
) -> None:
    series = TiltSeries.from_array(images, range(-60, 61, 30), pixel_size=pixel_size)
    viewer = ViewerModel()
    tilts = add(viewer, tilt_series_layer(series, thickness=20))
    add(viewer, tomogram(pixel_size))
    assert viewer.dims.axis_labels == ("tilt", "z", "y", "x")
    assert viewer.dims.nsteps[:2] == (5, 20)
    scale = 1.0 if pixel_size is None else pixel_size
    for z in range(20):
        point = (0.0, z * scale, 0.0, 0.0)
        index = np.round(tilts.world_to_data(point)).astype(int)
        assert index[1] == 0


def test_units_are_lengths_not_amperes(series: TiltSeries) -> None:
    viewer = ViewerModel()
    layer = add(viewer, tilt_series_layer(series))
    assert [str(unit) for unit in layer.units] == ["degree", *["angstrom"] * 3]


def test_hot_pixels_do_not_set_the_contrast() -> None:
    data = np.random.default_rng(3).normal(0, 1, (5, 64, 64))
    data[2, 5, 5] = 1e6
    low, high = contrast_limits(data)
    assert -4 < low < -2
    assert 2 < high < 4


@pytest.mark.parametrize("fill", [7.0, np.nan])
def test_contrast_of_a_constant_or_empty_image_is_still_a_range(fill: float) -> None:
    low, high = contrast_limits(np.full((3, 8, 8), fill))
    assert low < high


def test_changed_series_changes_its_layer(series: TiltSeries) -> None:
    viewer = ViewerModel()
    layer = add(viewer, tilt_series_layer(series))
    update_series_layer(layer, series.with_excluded([1]).with_pixel_size(5.0), thickness=40)
    assert record_of(layer)["excluded"] == [1]
    assert tuple(layer.scale) == (1.0, 200.0, 5.0, 5.0)
    inverted = series.with_inverted_angles()
    update_series_layer(layer, inverted)
    np.testing.assert_array_equal(np.asarray(layer.data[0, 0]), series.read([4])[0])
    assert series_of(layer) is inverted
    assert record_of(layer)["angles_inverted"] is True

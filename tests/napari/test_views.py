"""What is visible, in which section, and which angle is written on the canvas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.colormaps.standardize_color import transform_color

from napari_lbn._napari import sliders, views
from napari_lbn._napari.angle_text import (
    SYNTHESIZED_COLOUR,
    describe_tilt,
    format_angle,
)
from napari_lbn._napari.layers import tilt_series_layer, update_series_layer
from napari_lbn._napari.results import ResultLayers
from napari_lbn._napari.tilt_display import tilt_display
from napari_lbn.engine.tilt_series import TiltSeries

from .test_results import EXTENT, run, slab

MEASURED = np.arange(-60.0, 61.0, 3.0)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def layers(viewer: ViewerModel) -> dict:
    """Measured tilts and everything that a run brings."""
    images = np.zeros((MEASURED.size, 12, 16), np.float32)
    series = TiltSeries.from_array(images, MEASURED, pixel_size=10.0, name="TS")
    data, attributes, _ = tilt_series_layer(series, thickness=8)
    measured = viewer.add_image(data, **attributes)
    results: ResultLayers = run(viewer, 3.0)
    results.show_tilts()
    results.show_difference()
    return {"measured": measured, **results.current()}


@pytest.mark.parametrize("view", ["measured", "tilts", "wbp", "lbn", "both", "difference"])
def test_exactly_the_layers_of_a_view_are_visible(
    viewer: ViewerModel, layers: dict, view: views.View
) -> None:
    views.show(viewer, layers, view)
    visible = {role for role, layer in layers.items() if layer.visible}
    assert visible == set(views.SHOWN[view])
    assert viewer.canvas.grid.enabled is (view == "both")


def test_xz_section_swaps_y_and_z(viewer: ViewerModel, layers: dict) -> None:
    views.set_section(viewer, "xz")
    assert viewer.dims.order == (0, 2, 1, 3)
    assert [viewer.dims.axis_labels[i] for i in viewer.dims.displayed] == ["z", "x"]
    views.set_section(viewer, "xy")
    assert viewer.dims.order == (0, 1, 2, 3)


def test_wide_sections_lie_below_each_other(viewer: ViewerModel, layers: dict) -> None:
    views.set_section(viewer, "xz")  # 16 wide, 8 deep
    views.show(viewer, layers, "both")
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (2, 1)


def test_side_by_side_keeps_the_scale_bar_out_of_the_boxes(
    viewer: ViewerModel, layers: dict
) -> None:
    """A gridded one makes napari 0.9 fail where a layer is added, and PySide 6.12 crash."""
    views.show(viewer, layers, "both")
    assert viewer.canvas.grid.enabled
    assert not viewer.canvas.overlays.scale_bar.gridded


def test_another_number_of_boxes_is_fitted_to(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [viewer.add_image(np.zeros((4, 8, 16)), name=name) for name in "abc"]
    fitted: list[int] = []
    monkeypatch.setattr(views, "fit", lambda *_: fitted.append(len(fitted)))
    for layers, times in ((shown[:2], 1), (shown[:2], 1), (shown, 2), (shown[:2], 3), ([], 4)):
        views.side_by_side(viewer, layers)
        assert len(fitted) == times


def test_leave_gives_the_viewer_back(viewer: ViewerModel, layers: dict) -> None:
    views.show(viewer, layers, "both")
    views.set_section(viewer, "xz")
    sliders.set_average(viewer, layers["wbp"], 5)
    views.leave(viewer)
    assert not viewer.canvas.grid.enabled
    assert not any(layer.name_overlay.visible for layer in viewer.layers)
    assert viewer.dims.order == (0, 1, 2, 3)
    assert not any(viewer.dims.margin_left)
    assert not any(viewer.dims.margin_right)


def test_angle_stays_when_the_stack_changes(viewer: ViewerModel, layers: dict) -> None:
    views.show(viewer, layers, "measured")
    sliders.go_to_angle(viewer, layers["measured"], 42.0)
    views.show(viewer, layers, "tilts")
    assert sliders.displayed_angle(viewer, layers.values()) == 42.0


def test_row_and_middle_are_where_the_tomogram_has_them(viewer: ViewerModel, layers: dict) -> None:
    sliders.go_to_row(viewer, layers["wbp"], 7)
    sliders.go_to_middle(viewer, layers["wbp"])
    assert viewer.dims.point[-3:-1] == (40.0, 70.0)


@pytest.mark.parametrize("section", ["xy", "xz"])
def test_sections_are_averaged_over_the_slider_axis_only(
    viewer: ViewerModel, layers: dict, section: str
) -> None:
    rng = np.random.default_rng(4)
    wbp = layers["wbp"]
    wbp.data = volume = rng.normal(size=wbp.data.shape).astype(np.float32)
    views.show(viewer, layers, "wbp")
    views.set_section(viewer, section)
    sliders.go_to_row(viewer, wbp, 6)
    sliders.go_to_middle(viewer, wbp)
    sliders.set_average(viewer, wbp, 3)
    expected = volume[3:6].mean(axis=0) if section == "xy" else volume[:, 5:8].mean(axis=1)
    np.testing.assert_allclose(sliders.displayed_section(viewer, wbp), expected, rtol=1e-6)
    on_screen = wbp.get_value((40.0, 60.0, 50.0), world=True)
    assert np.float32(on_screen) == pytest.approx(expected[(6 if section == "xy" else 4), 5])
    sliders.set_average(viewer, wbp, 1)
    np.testing.assert_array_equal(
        sliders.displayed_section(viewer, wbp), volume[4] if section == "xy" else volume[:, 6]
    )


def test_imod_orientation_points_y_up_and_back(viewer: ViewerModel) -> None:
    before = viewer.scene.camera.orientation
    views.set_imod_orientation(viewer, True)
    assert viewer.scene.camera.orientation[1] == "up"
    views.set_imod_orientation(viewer, False)
    assert viewer.scene.camera.orientation == before


def test_angle_text_tells_synthesized_from_measured(viewer: ViewerModel, layers: dict) -> None:
    text = tilt_display(viewer).text
    assert tilt_display(viewer).text is text
    overlay = viewer.canvas.overlays.text
    views.show(viewer, layers, "tilts")
    sliders.go_to_angle(viewer, layers["tilts"], 75.0)
    assert overlay.text == "+75.0°  SYNTHESIZED"
    np.testing.assert_allclose(overlay.color, transform_color(SYNTHESIZED_COLOUR)[0])
    sliders.go_to_angle(viewer, layers["tilts"], -60.0)
    assert overlay.text == "−60.0°  re-projected (measured tilt)"
    views.show(viewer, layers, "measured")
    assert overlay.text == "−60.0°  measured"
    views.show(viewer, layers, "wbp")
    assert overlay.visible is False
    text.set_note("Preview")
    assert (overlay.text, overlay.visible) == ("Preview", True)


def test_excluded_tilt_says_so(viewer: ViewerModel, layers: dict) -> None:
    series = layers["measured"].metadata["napari_lbn"]["series"]
    update_series_layer(layers["measured"], series.with_excluded([0]), thickness=8)
    assert describe_tilt(layers["measured"], 0) == ("−60.0°  measured, excluded", False)


@pytest.mark.parametrize(
    ("angle", "text"), [(-0.001, "0.0°"), (0.0, "0.0°"), (61.04, "+61.0°"), (-90.0, "−90.0°")]
)
def test_angles_are_written_without_negative_zero(angle: float, text: str) -> None:
    assert format_angle(angle) == text


def test_contrast_follows_the_tilt_until_it_is_changed_by_hand(viewer: ViewerModel) -> None:
    rng = np.random.default_rng(5)
    images = np.stack([rng.normal(level, level / 10, (40, 50)) for level in (10.0, 100.0, 20.0)])
    data, attributes, _ = tilt_series_layer(TiltSeries.from_array(images, [-60.0, 0.0, 60.0]))
    tilt_display(viewer)
    layer = viewer.add_image(data, **attributes)
    for index, level in enumerate((10.0, 100.0, 20.0)):
        sliders.go_to_tilt(viewer, layer, index)
        low, high = layer.contrast_limits
        assert 0.6 * level < low < 0.9 * level
        assert 1.1 * level < high < 1.4 * level
    layer.contrast_limits = (0.0, 50.0)
    sliders.go_to_tilt(viewer, layer, 1)
    assert tuple(layer.contrast_limits) == (0.0, 50.0)


def test_layers_of_a_series_with_a_long_name_can_be_told_apart(viewer: ViewerModel) -> None:
    """Side by side each name stands in half of the canvas; what differs is its end."""
    viewer.canvas.size = (600, 630)  # beside the dock on a small laptop
    long = "TS_01_grid3_square12_bin4_aligned_motioncorrected_dose_weighted_final_v2_ali"
    results = ResultLayers(viewer, replace(EXTENT, name=long, tilt_shape=(16, 16)))
    for part in ("measured", "synthesized"):
        results.add_slab(slab(part, 0, 12, 1.0))
    views.show(viewer, results.current(), "both")
    assert viewer.canvas.grid.shape == (1, -1)
    wbp, lbn = results.layer("wbp"), results.layer("lbn")
    assert wbp.name.endswith("_v2_ali WBP")
    assert lbn.name.endswith("_v2_ali WBP + LBN")
    for layer in (wbp, lbn):
        points = layer.name_overlay.font_size
        assert len(layer.name) * points * views.WIDTH_OF_CHARACTER <= 630 / 2
    short = run(viewer, 1.0)
    views.show(viewer, short.current(), "both")
    assert short.layer("wbp").name_overlay.font_size == views.LARGEST_FONT
    assert short.layer("wbp").name == "TS WBP"

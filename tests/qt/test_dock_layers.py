"""Layers, views and sliders after a correction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.views import SHOWN
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import WAIT
from .driving import run
from .fake_engine import MEASURED_VALUE, SYNTHESIZED_VALUE

AddSeries = Callable[[TiltSeries], Any]


def test_alpha_slider_blends_the_displayed_tomogram(qtbot: Any, dock: MissingWedgeDock) -> None:
    run(qtbot, dock)
    dock.display_panel.alpha.setValue(0.5)
    layer = dock.views.layers()["lbn"]
    displayed = np.asarray(layer.data[0, 0])
    np.testing.assert_array_equal(displayed, MEASURED_VALUE + 0.5 * SYNTHESIZED_VALUE)
    dock.display_panel.alpha.setValue(0.0)
    np.testing.assert_array_equal(layer.data[:], dock.views.layers()["wbp"].data)


def test_flip_swaps_both_tomograms_in_place(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    run(qtbot, dock)
    dock.views.show("wbp")
    for shown in ("lbn", "wbp"):
        dock.views.flip()
        visible = [role for role, layer in dock.views.layers().items() if layer.visible]
        assert visible == [shown]
    assert not viewer.canvas.grid.enabled


def test_nothing_of_a_correction_stays_behind_for_other_images(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    """One by one; cleared at once, napari resets most by itself."""
    run(qtbot, dock)
    assert viewer.canvas.grid.enabled
    viewer.add_image(np.zeros((3, 20, 30)), name="another")
    for layer in list(viewer.layers)[:-1]:
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled, timeout=WAIT)
    assert viewer.dims.order == (0, 1, 2)
    assert not any(viewer.dims.margin_left)
    assert not viewer.canvas.overlays.text.visible


def test_another_series_is_shown_and_what_came_of_the_first_one_hidden(
    qtbot: Any,
    dock: MissingWedgeDock,
    viewer: ViewerModel,
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    first = viewer.layers[0]
    run(qtbot, dock)
    mine = viewer.add_image(np.zeros((3, 12, 16)), name="the user's own")
    second = add_series(series)
    qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled, timeout=WAIT)
    assert [layer for layer in viewer.layers if layer.visible] == [mine, second]
    assert viewer.dims.order == (0, 1, 2, 3)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    run(qtbot, dock)
    both = [dock.views.layers()[role] for role in ("wbp", "lbn")]
    assert [layer for layer in viewer.layers if layer.visible] == [mine, *both]
    dock.layer_choice._combo.setCurrentIndex(dock.layer_choice._layers.index(first))
    qtbot.waitUntil(lambda: first.visible, timeout=WAIT)
    assert [layer for layer in viewer.layers if layer.visible] == [first, mine]
    assert dock.session.result is not None  # that of the first one is back


@pytest.mark.parametrize("pixel_size", [None, 100.0, 3.0])
def test_another_series_is_on_the_screen_wherever_the_sliders_stood(
    qtbot: Any,
    dock: MissingWedgeDock,
    viewer: ViewerModel,
    add_series: AddSeries,
    pixel_size: float | None,
) -> None:
    """Fewer tilts, another pixel size and so another depth: the canvas must not be black."""
    run(qtbot, dock)
    dock.views.look_at(-80.0)  # a synthesized tilt, before the first measured one
    images = np.random.default_rng(1).normal(0, 1, (3, 6, 8)).astype(np.float32)
    other = TiltSeries.from_array(images, [-3, 0, 3], pixel_size=pixel_size, name="other")
    layer = add_series(other)

    def on_screen() -> bool:
        low, high = layer.extent.world
        within = (low <= viewer.dims.point) & (viewer.dims.point <= high)
        seen = viewer.canvas.size[1] / viewer.scene.camera.zoom
        width = high[-1] - low[-1]
        return bool(layer.visible and within.all() and width <= seen < 3 * width)

    qtbot.waitUntil(on_screen, timeout=WAIT)
    assert viewer.canvas.overlays.text.text == "0.0°  measured"


def test_what_others_arranged_is_left_alone(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    viewer.layers.clear()
    viewer.add_image(np.zeros((3, 20, 30)), name="another")
    viewer.add_image(np.zeros((3, 20, 30)), name="and another")
    viewer.canvas.grid.enabled = True
    viewer.dims.order = (1, 0, 2)
    viewer.layers.pop()
    qtbot.wait(50)
    assert viewer.canvas.grid.enabled
    assert viewer.dims.order == (1, 0, 2)


@pytest.mark.parametrize(
    ("view", "removed", "then"),
    [
        ("both", ["wbp"], "lbn"),
        ("both", ["lbn"], "wbp"),
        ("lbn", ["lbn"], "wbp"),
        ("tilts", ["tilts"], "both"),
        ("both", ["wbp", "lbn", "tilts"], "measured"),
    ],
)
def test_a_removed_layer_gives_way_to_what_is_left(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel, view: Any, removed: Any, then: Any
) -> None:
    run(qtbot, dock)
    dock.views.show(view)
    for layer in [dock.views.layers()[role] for role in removed]:
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: dock.session.view == then, timeout=WAIT)
    roles = dock.views.layers().items()
    assert {role for role, layer in roles if layer.visible} == set(SHOWN[then])
    assert viewer.canvas.grid.enabled is (then == "both")


def test_strip_goes_to_a_synthesized_tilt(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    run(qtbot, dock)
    dock.views.show("measured")
    dock.views.look_at(70.0)
    assert dock.session.view == "tilts"
    assert dock.views.displayed_angle() == pytest.approx(70.0)
    assert "SYNTHESIZED" in viewer.canvas.overlays.text.text


def test_contrast_set_by_hand_survives_other_sections(qtbot: Any, dock: MissingWedgeDock) -> None:
    run(qtbot, dock)
    wbp = dock.views.layers()["wbp"]
    automatic = tuple(wbp.contrast_limits)
    dock.views.cut("xy")
    assert tuple(wbp.contrast_limits) != automatic  # one z has one value in the fake
    wbp.contrast_limits = (1.0, 2.0)
    dock.views.cut("xz")
    dock.display_panel.average.setValue(3)
    assert tuple(wbp.contrast_limits) == (1.0, 2.0)
    assert tuple(dock.views.layers()["lbn"].contrast_limits) == (1.0, 2.0)

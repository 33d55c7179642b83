"""A fitted view stays fitted when a dock takes room from the canvas; one of the user's stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.framing import view_of
from napari_lbn._napari.layers import tilt_series_layer
from napari_lbn._napari.tilt_display import tilt_display
from napari_lbn.engine.tilt_series import TiltSeries

WIDE = (20, 300)
CANVAS, NARROWER = (600, 1000), (600, 500)
"""(height, width) before and after a dock has opened beside it."""


def add_wide_series(viewer: ViewerModel) -> Any:
    series = TiltSeries.from_array(
        np.zeros((3, *WIDE), np.float32), [-3.0, 0.0, 3.0], pixel_size=10.0, name="TS"
    )
    data, attributes, _ = tilt_series_layer(series)
    return viewer.add_image(data, **attributes)


def shown_width(viewer: ViewerModel) -> float:
    """Å of x that fit onto the canvas."""
    return float(viewer.canvas.size[1] / viewer.scene.camera.zoom)


@pytest.fixture
def viewer() -> ViewerModel:
    viewer = ViewerModel()
    viewer.canvas.size = CANVAS
    return viewer


@pytest.mark.parametrize("display_first", [True, False])
def test_a_wide_series_stays_whole_beside_a_dock(viewer: ViewerModel, display_first: bool) -> None:
    if display_first:
        tilt_display(viewer)
    add_wide_series(viewer)
    tilt_display(viewer)
    viewer.canvas.size = NARROWER
    assert shown_width(viewer) >= WIDE[1] * 10.0
    viewer.canvas.size = CANVAS  # and grows again with the canvas
    assert shown_width(viewer) < 1.2 * WIDE[1] * 10.0


@pytest.mark.parametrize("display_first", [True, False])
def test_what_the_user_looks_at_is_left_alone(viewer: ViewerModel, display_first: bool) -> None:
    if display_first:
        tilt_display(viewer)
    add_wide_series(viewer)
    viewer.scene.camera.zoom *= 3
    viewer.scene.camera.center = (0.0, 50.0, 700.0)
    before = view_of(viewer.scene.camera)
    tilt_display(viewer)
    np.testing.assert_allclose(view_of(viewer.scene.camera), before)
    viewer.canvas.size = NARROWER
    np.testing.assert_allclose(view_of(viewer.scene.camera), before)
    viewer.reset_view()  # napari's home button: fitted from here on
    viewer.canvas.size = CANVAS
    assert shown_width(viewer) < 1.2 * WIDE[1] * 10.0


def test_an_empty_viewer_is_no_trouble(viewer: ViewerModel) -> None:
    tilt_display(viewer)
    viewer.canvas.size = NARROWER


def test_the_view_is_fitted_to_the_series_at_hand(viewer: ViewerModel) -> None:
    """Beside a series ten times as large it would be a stamp."""
    small, large = add_wide_series(viewer), add_wide_series(viewer)
    large.scale = (*large.scale[:2], 100.0, 100.0)
    framing = tilt_display(viewer).framing
    framing.fit([small])
    assert WIDE[1] * 10.0 <= shown_width(viewer) < 1.2 * WIDE[1] * 10.0
    viewer.canvas.size = NARROWER
    assert WIDE[1] * 10.0 <= shown_width(viewer) < 1.2 * WIDE[1] * 10.0
    viewer.layers.remove(large)
    viewer.add_image(np.zeros((4, 5, 6)))
    framing.fit([viewer.layers[-1]])  # of fewer axes than the viewer
    assert shown_width(viewer) >= WIDE[1] * 10.0

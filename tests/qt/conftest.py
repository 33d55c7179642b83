"""A dock over a viewer model and an engine that tests control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.layers import tilt_series_layer
from napari_lbn._napari.preferences import Preferences
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn.engine.tilt_series import TiltSeries

from .fake_engine import FakeEngine

ANGLES = np.arange(-60.0, 61.0, 10.0)
WAIT = 20_000
"""Milliseconds: generous, a busy machine must not fail a test."""


@pytest.fixture
def series() -> TiltSeries:
    images = np.random.default_rng(0).normal(100, 10, (ANGLES.size, 12, 16)).astype(np.float32)
    return TiltSeries.from_array(images, ANGLES, pixel_size=100.0, name="TS")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def add_series(viewer: ViewerModel) -> Callable[[TiltSeries], Any]:
    """Adds a tilt series to the viewer, as the reader does."""

    def add(series: TiltSeries) -> Any:
        data, attributes, _ = tilt_series_layer(series)
        return viewer.add_image(data, **attributes)

    return add


@pytest.fixture
def make_dock(qtbot: Any, viewer: ViewerModel, engine: FakeEngine) -> Callable[[], Any]:
    def make() -> MissingWedgeDock:
        dock = MissingWedgeDock(viewer, engine=engine, preferences=Preferences)
        qtbot.addWidget(dock)
        return dock

    return make


@pytest.fixture
def dock(
    qtbot: Any,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> MissingWedgeDock:
    """A dock with a tilt series, ready to run."""
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)
    return dock

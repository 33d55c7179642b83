"""A correction dock that is closed, and one that is opened after it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_lbn._napari.layers import tilt_series_layer
from napari_lbn._napari.metadata import series_of
from napari_lbn._napari.preferences import Preferences
from napari_lbn._napari.results import ResultLayers
from napari_lbn._napari.room import Extent
from napari_lbn._qt.dock import CLOSED, UNSAVED, MissingWedgeDock
from napari_lbn._qt.kept import kept_of
from napari_lbn.engine.events import Progress, SlabReady, raise_if_cancelled
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import WAIT
from .driving import notifications, run, wait_for_preview
from .fake_engine import FakeEngine
from .test_disagreement import FakeMeasure, click_and_wait

AddSeries = Callable[[TiltSeries], Any]


@pytest.fixture
def docked(
    qtbot: Any, viewer: ViewerModel, engine: FakeEngine, add_series: AddSeries, series: TiltSeries
) -> Iterator[MissingWedgeDock]:
    """In a parent of its own; `dock.setParent(None)` is what napari's ✕ does."""
    add_series(series)
    home = QWidget()
    qtbot.addWidget(home)
    dock = MissingWedgeDock(viewer, engine=engine, preferences=Preferences)
    dock.setParent(home)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    yield dock
    engine.hold.set()


def test_closing_the_dock_ends_the_run_and_takes_its_layers_away(
    qtbot: Any, docked: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    docked.run_panel.button.click()
    wait_for_preview(qtbot, docked, engine)
    docked.setParent(None)
    assert not docked.session.running
    assert [series_of(layer) is not None for layer in viewer.layers] == [True]
    assert not viewer.canvas.grid.enabled
    assert docked.run_panel.status == CLOSED
    qtbot.waitUntil(engine.cleaned_up.is_set, timeout=WAIT)
    viewer.layers.clear()  # the closed dock does not mind any more
    assert docked.session.series is not None


def test_closing_the_dock_while_it_saves_is_told(qtbot: Any, docked: MissingWedgeDock) -> None:
    begun = threading.Event()

    def endless(cancel: threading.Event) -> Iterator[Progress]:
        yield Progress(stage="Writing", done=0, total=1, fraction=0.0)
        begun.set()
        cancel.wait(WAIT / 1000)
        raise_if_cancelled(cancel)

    docked.saver.runner.start(endless)
    qtbot.waitUntil(begun.is_set, timeout=WAIT)
    with notifications() as told:
        docked.setParent(None)
    assert UNSAVED in told


def test_a_closed_dock_is_let_go(qtbot: Any, docked: MissingWedgeDock) -> None:
    run(qtbot, docked)
    destroyed: list[bool] = []
    docked.destroyed.connect(lambda: destroyed.append(True))
    docked.setParent(None)
    qtbot.waitUntil(lambda: bool(destroyed), timeout=WAIT)


def test_the_next_dock_goes_on_with_the_layers_of_a_closed_one(
    qtbot: Any, docked: MissingWedgeDock, make_dock: Any, viewer: ViewerModel
) -> None:
    run(qtbot, docked)
    result = docked.session.result
    docked.views.show("lbn")
    docked.session.set_alpha(0.25)
    docked.display_panel.average.setValue(9)
    docked.display_panel.inverted.setChecked(True)
    docked.setParent(None)
    before = list(viewer.layers)
    dock = make_dock()
    assert dock.session.result is result
    assert (dock.session.view, dock.views.section) == ("lbn", "xz")
    assert dock.display_panel.alpha.value() == 0.25
    assert dock.display_panel.average.value() == 9
    assert dock.display_panel.inverted.isChecked()
    assert dock.save_panel.tomograms.isEnabled()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    run(qtbot, dock)
    assert dock.session.result is not result
    assert list(viewer.layers) == before


def test_the_next_dock_is_set_as_the_closed_one_was(
    qtbot: Any, docked: MissingWedgeDock, make_dock: Any, tmp_path: Path
) -> None:
    own = tmp_path / "mine.safetensors"
    own.touch()
    docked.settings_panel.model.add_weights(str(own))
    device = docked.settings_panel.model.device
    device.setCurrentIndex(device.findData("cpu"))
    device.activated.emit(device.currentIndex())
    docked.session.set_options(
        thickness_nm=90.0, binning=2, increment=5.0, filter="cosine", fill_gaps=True, adapt=True
    )
    before = docked.session.options
    docked.setParent(None)
    dock = make_dock()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    settings = dock.settings_panel
    qtbot.waitUntil(lambda: settings.model.device.currentData() == "cpu", timeout=WAIT)
    assert dock.session.options == before
    assert settings.model.weights.currentData() == str(own)
    assert settings.specimen.thickness_nm.value() == 90
    assert (settings.advanced.binning.value(), settings.advanced.increment.value()) == (2, 5)
    assert settings.advanced.filter.currentText() == "cosine"
    assert settings.advanced.fill_gaps.isChecked()
    assert settings.extras.adapt.isChecked()


def test_what_the_user_removes_after_closing_is_let_go(
    qtbot: Any, docked: MissingWedgeDock, make_dock: Any, viewer: ViewerModel
) -> None:
    """With the memory that it takes."""
    run(qtbot, docked)
    docked.setParent(None)
    series_layer, *results = viewer.layers
    for layer in results:
        viewer.layers.remove(layer)
    assert kept_of(viewer).correction(series_layer) == (None, None)
    dock = make_dock()
    assert dock.session.series is not None
    assert dock.session.result is None
    assert dock.session.view == "measured"


def test_what_is_kept_lives_as_long_as_the_viewer(series: TiltSeries) -> None:
    viewer = ViewerModel()
    data, attributes, _ = tilt_series_layer(series)
    layer = viewer.add_image(data, **attributes)
    extent = Extent(
        name="TS",
        angles=series.angles,
        synthesized=np.zeros(series.n_tilts, bool),
        tilt_shape=(12, 16),
        thickness=8,
        pixel_size=100.0,
    )
    layers = ResultLayers(viewer, extent)
    slab = np.ones((8, 12, 16), np.float32)
    layers.add_slab(SlabReady(part="measured", y_start=0, y_stop=12, slab=slab, preview=False))
    kept_of(viewer).keep_correction(layer, "a result", layers)
    gc.collect()
    assert kept_of(viewer).correction(layer) == ("a result", layers)
    gone = weakref.ref(viewer)
    del viewer, layer, layers
    gc.collect()
    assert gone() is None


def test_a_mask_goes_with_its_switch(
    qtbot: Any, docked: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    run(qtbot, docked)
    docked.disagreement_panel._measure = FakeMeasure(engine, docked)
    click_and_wait(qtbot, docked)
    layers = docked.session.layers
    docked.mask_panel.switch.setChecked(True)
    assert layers.layer("lbn").data is not layers.blended
    docked.setParent(None)
    assert layers.layer("lbn").data is layers.blended
    assert "Masked" not in viewer.canvas.overlays.text.text

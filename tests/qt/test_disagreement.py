"""The disagreement from the click to its layers, and the mask over the tomogram."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.lazy import MaskedVolume
from napari_lbn._napari.metadata import kind_of, record_of
from napari_lbn._qt.check.disagreement import CANCEL, START
from napari_lbn._qt.check.ready import CHANGED
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.panels.run import BUSY
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.evaluation.spread.subsets import Disagreement
from napari_lbn.engine.events import Progress, SlabReady, raise_if_cancelled
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import WAIT
from .driving import notifications
from .fake_engine import MEASURED_VALUE, SYNTHESIZED_VALUE, FakeEngine


class FakeMeasure:
    """A disagreement that is high in the upper half of y."""

    def __init__(self, engine: FakeEngine, dock: MissingWedgeDock) -> None:
        self._engine, self._dock = engine, dock
        self.hold = threading.Event()
        self.hold.set()
        self.error: Exception | None = None
        self.subsets: list[int] = []

    def __call__(
        self, series: TiltSeries, settings: Any, subsets: int, cancel: threading.Event
    ) -> Any:
        self.subsets.append(subsets)
        plan = self._engine.plan(series, settings)
        yield Progress(stage="Synthesizing from subset 1", done=0, total=1, fraction=0.1)
        while not self.hold.wait(0.02):
            raise_if_cancelled(cancel)
        raise_if_cancelled(cancel)
        if self.error is not None:
            raise self.error
        height, width = plan.image_shape
        volume = np.ones((plan.thickness, height, width), np.float32)
        volume[:, height // 2 :] = 3
        yield SlabReady(part="mean", y_start=0, y_stop=height, slab=2 * volume)
        yield SlabReady(part="spread", y_start=0, y_stop=height, slab=volume)
        yield SlabReady(part="relative spread", y_start=0, y_stop=height, slab=volume / 2)
        spread = np.ones((plan.new_angles.size, height, width), np.float32)
        return Disagreement(
            angles=plan.new_angles, mean=spread, spread=spread, relative=0.25, structure=2.0
        )


@pytest.fixture
def measure(dock: MissingWedgeDock, engine: FakeEngine) -> FakeMeasure:
    fake = FakeMeasure(engine, dock)
    dock.disagreement_panel._measure = fake
    return fake


@pytest.fixture
def measured(qtbot: Any, dock: MissingWedgeDock, measure: FakeMeasure) -> MissingWedgeDock:
    """After a correction and a disagreement."""
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: dock.session.result is not None, timeout=WAIT)
    click_and_wait(qtbot, dock)
    return dock


def click_and_wait(qtbot: Any, dock: MissingWedgeDock) -> None:
    before = dock.session.spread
    dock.disagreement_panel.button.click()
    qtbot.waitUntil(lambda: dock.session.spread is not before, timeout=WAIT)


def test_a_disagreement_brings_tilts_and_a_tomogram(
    qtbot: Any, dock: MissingWedgeDock, measure: FakeMeasure, viewer: ViewerModel
) -> None:
    panel = dock.disagreement_panel
    assert not panel.view_buttons["spread"].isEnabled()
    panel.subsets.setValue(4)
    click_and_wait(qtbot, dock)
    assert measure.subsets == [4]
    kinds = [kind_of(layer) for layer in viewer.layers]
    assert kinds == ["tilt series", "spread tilts", "spread"]
    assert "not proof" in panel.status.text()
    assert "25 %" in panel.status.text()
    assert dock.session.view == "spread"
    assert viewer.layers[2].visible
    assert panel.view_buttons["spread"].isChecked()
    assert not panel.view_buttons["lbn and spread"].isEnabled()
    assert "corrected tomogram" in panel.view_buttons["lbn and spread"].toolTip()
    panel.view_buttons["spread tilts"].click()
    assert [layer.visible for layer in viewer.layers] == [False, True, False]
    # a measured tilt has no spread: the nearest synthesized one is shown
    assert abs(dock.views.displayed_angle()) > 60
    dock.views.look_at(70.0)
    assert viewer.canvas.overlays.text.text == "+70.0°  spread of the model"


def test_a_tomogram_and_its_spread_are_side_by_side(
    measured: MissingWedgeDock, viewer: ViewerModel
) -> None:
    visible = [kind_of(layer) for layer in viewer.layers if layer.visible]
    assert visible == ["tomogram", "spread"]
    assert viewer.canvas.grid.enabled
    assert not any(b.isChecked() for b in measured.display_panel._view_buttons.values())
    measured.views.flip()
    assert measured.session.view == "lbn"
    measured.views.set_inverted(True)
    colours = {kind_of(layer): layer.colormap.name for layer in viewer.layers}
    assert colours["spread"] == "magma"


def test_a_high_spread_is_masked_and_shown_again(
    measured: MissingWedgeDock, viewer: ViewerModel
) -> None:
    panel, layers = measured.mask_panel, measured.session.layers
    layer = layers.layer("lbn")
    height = layers.measured.shape[1]
    whole = np.asarray(layer.data).copy()
    panel.switch.setChecked(True)
    panel.threshold.setValue(1.0)  # of 2: the upper half has 3 / 2
    assert isinstance(layer.data, MaskedVolume)
    shown = np.asarray(layer.data)
    ramp = np.arange(layers.measured.shape[0])
    np.testing.assert_allclose(shown[:, height - 1, 0], ramp + MEASURED_VALUE)
    np.testing.assert_allclose(shown[:, 0], whole[:, 0])
    assert "50.0 % of the voxels" in panel.share.text()
    assert "Masked: spread above 1.00" in viewer.canvas.overlays.text.text
    panel.instead.setCurrentIndex(1)
    assert np.all(np.asarray(layer.data)[:, height - 1] == 0)
    panel.threshold.setValue(panel.threshold.maximum())
    np.testing.assert_array_equal(np.asarray(layer.data), whole)
    panel.switch.setChecked(False)
    assert layer.data is layers.blended
    assert "Masked" not in viewer.canvas.overlays.text.text
    assert layers.synthesized_part[0, -1, 0] == SYNTHESIZED_VALUE  # the data was never touched


def test_the_canvas_speaks_of_the_mask_only_where_there_is_one(
    measured: MissingWedgeDock, viewer: ViewerModel
) -> None:
    measured.views.show("lbn")
    measured.mask_panel.switch.setChecked(True)
    text = viewer.canvas.overlays.text
    assert "Masked" in text.text
    measured.views.show("wbp")
    assert "Masked" not in text.text
    measured.views.show("both")
    assert "Masked" in text.text
    viewer.layers.remove(measured.session.layers.layer("lbn"))
    assert "Masked" not in text.text
    assert not measured.mask_panel.switch.isChecked()


def test_the_mask_says_why_it_is_off(dock: MissingWedgeDock) -> None:
    assert not dock.mask_panel.switch.isEnabled()
    assert "Measure the disagreement" in dock.mask_panel.switch.toolTip()


def test_a_new_correction_is_shown_whole(qtbot: Any, measured: MissingWedgeDock) -> None:
    measured.mask_panel.switch.setChecked(True)
    measured.run_panel.button.click()
    qtbot.waitUntil(lambda: not measured.session.running, timeout=WAIT)
    assert not measured.mask_panel.switch.isChecked()
    layers = measured.session.layers
    assert layers.layer("lbn").data is layers.blended
    assert "masked_above" not in record_of(layers.layer("lbn"))


def test_a_run_cancelled_at_its_start_leaves_the_one_before_whole(
    qtbot: Any, measured: MissingWedgeDock, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, preview = measured.session.layers, engine._preview
    layer = before.layer("lbn")
    measured.mask_panel.switch.setChecked(True)
    assert isinstance(layer.data, MaskedVolume)
    # the plain tomogram's preview comes first, and nothing else before the cancel
    monkeypatch.setattr(engine, "_preview", lambda plan: islice(preview(plan), 1))
    engine.hold.clear()
    measured.run_panel.button.click()
    qtbot.waitUntil(lambda: not measured.mask_panel.switch.isChecked(), timeout=WAIT)
    measured.run_panel.button.click()
    qtbot.waitUntil(lambda: not measured.session.running, timeout=WAIT)
    assert layer.data is before.blended
    assert "masked_above" not in record_of(layer)


def test_a_busy_machine_is_told_beside_the_time(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine
) -> None:
    assert BUSY not in dock.disagreement_panel.button.toolTip()
    engine.busy = True
    dock.planner.schedule()
    qtbot.waitUntil(lambda: BUSY in dock.disagreement_panel.button.toolTip(), timeout=WAIT)


def test_cancel_keeps_nothing(
    qtbot: Any, dock: MissingWedgeDock, measure: FakeMeasure, viewer: ViewerModel
) -> None:
    measure.hold.clear()
    panel = dock.disagreement_panel
    panel.button.click()
    qtbot.waitUntil(lambda: "subset 1" in panel.status.text(), timeout=WAIT)
    assert panel.button.text() == CANCEL
    assert not dock.check_panel.button.isEnabled()
    assert "disagreement" in dock.check_panel.button.toolTip()
    panel.button.click()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=WAIT)
    assert panel.button.text() == START
    assert "nothing was kept" in panel.status.text()
    assert dock.check_panel.button.isEnabled()
    assert [kind_of(layer) for layer in viewer.layers] == ["tilt series"]


def test_a_failure_is_told(qtbot: Any, dock: MissingWedgeDock, measure: FakeMeasure) -> None:
    measure.error = InputError("Too few tilts.", "Take more.")
    panel = dock.disagreement_panel
    panel.button.click()
    qtbot.waitUntil(lambda: "Too few tilts" in panel.status.text(), timeout=WAIT)
    assert dock.session.spread is None


def test_a_tilt_excluded_meanwhile_ends_it_and_that_is_said(
    qtbot: Any, dock: MissingWedgeDock, measure: FakeMeasure
) -> None:
    measure.hold.clear()
    panel = dock.disagreement_panel
    panel.button.click()
    qtbot.waitUntil(lambda: "subset 1" in panel.status.text(), timeout=WAIT)
    with notifications() as notes:
        dock.series_panel.toggle_tilt(2)
    assert not panel.runner.running
    assert panel.status.text() == CHANGED
    assert notes == [f"Disagreement: {CHANGED}"]


def test_another_series_has_no_spread_and_the_first_keeps_its_own(
    measured: MissingWedgeDock, add_series: Callable[[TiltSeries], Any], series: TiltSeries
) -> None:
    first, spread = measured.session.layer, measured.session.spread
    second = add_series(series)
    measured.use_layer(second)
    assert measured.session.spread is None
    assert not measured.mask_panel.switch.isEnabled()
    measured.use_layer(first)
    assert measured.session.spread is spread
    assert measured.mask_panel.switch.isEnabled()


def test_removed_layers_can_no_longer_be_shown(
    measured: MissingWedgeDock, viewer: ViewerModel
) -> None:
    viewer.layers.remove(measured.session.spread.current()["spread"])
    buttons = measured.disagreement_panel.view_buttons
    assert not buttons["spread"].isEnabled()
    assert buttons["spread tilts"].isEnabled()
    measured.mask_panel.switch.setChecked(True)
    viewer.layers.remove(measured.session.spread.current()["spread tilts"])
    assert measured.session.spread is None
    assert not measured.mask_panel.switch.isChecked()
    assert not measured.mask_panel.switch.isEnabled()

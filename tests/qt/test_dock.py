"""The dock as a user meets it, over a viewer model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers._source import layer_source
from napari.utils.colormaps.standardize_color import transform_color
from napari.utils.notifications import notification_manager
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QWidget

from napari_lbn._napari.metadata import record_of, series_of
from napari_lbn._napari.preferences import Preferences
from napari_lbn._napari.views import SHOWN
from napari_lbn._qt.dock import CLOSED, MissingWedgeDock
from napari_lbn._qt.panels.run import BUSY, CANCEL, SEE_MESSAGE, START, describe_range
from napari_lbn._qt.theme import WARNING_COLOUR
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.events import Progress
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import ANGLES, WAIT
from .fake_engine import MEASURED_VALUE, SYNTHESIZED_VALUE, FakeEngine, FakeFinding

AddSeries = Callable[[TiltSeries], Any]


@contextmanager
def notifications() -> Iterator[list[str]]:
    """Collects the notifications dispatched inside the block."""
    texts: list[str] = []

    def add(notification: Any) -> None:
        texts.append(notification.message)

    notification_manager.notification_ready.connect(add)
    try:
        yield texts
    finally:
        notification_manager.notification_ready.disconnect(add)


def run(qtbot: Any, dock: MissingWedgeDock) -> None:
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)


def wait_for_preview(qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine) -> None:
    qtbot.waitUntil(lambda: "lbn" in dock.views.roles() and engine.started.is_set(), timeout=WAIT)


def test_empty_dock_invites_and_offers_nothing_else(
    make_dock: Callable[[], MissingWedgeDock],
) -> None:
    dock = make_dock()
    assert not dock.layer_choice._invitation.isHidden()
    assert dock.run_panel.button.isEnabled() is False
    assert dock.run_panel.button.toolTip() == "Open a tilt series first."


def test_series_dropped_later_is_taken_at_once(
    qtbot: Any,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    dock = make_dock()
    add_series(series)
    assert dock.session.series is series
    assert dock.layer_choice._invitation.isHidden()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)


def test_everything_is_filled_in(dock: MissingWedgeDock) -> None:
    specimen, model = dock.settings_panel.specimen, dock.settings_panel.model
    assert specimen.pixel_size.value() == 100.0
    assert (specimen.thickness_px.value(), specimen.thickness_nm.value()) == (20, 200.0)
    assert model.weights.currentData() == "base"
    assert model.device.currentText() == "automatic (cpu)"
    assert model.on_cpu.text() == "Runs on the CPU, 2 threads."
    assert "below −60.0° and above +60.0°" in dock.series_panel._wedge.text()
    assert "5 tilts to synthesize, every 10°" in dock.series_panel._wedge.text()
    assert dock.run_panel.estimate == "About 30 to 65 s, 2.1 GB."


def test_run_brings_tilts_and_both_tomograms(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    run(qtbot, dock)
    layers = dock.session.layers
    assert np.all(layers.measured[0] == MEASURED_VALUE)
    assert np.all(layers.synthesized_part[0] == SYNTHESIZED_VALUE)
    record = record_of(layers.layer("tilts"))
    assert sum(record["synthesized"]) == 5
    assert sorted(record["angles"]) == record["angles"]
    assert record["provenance"]["weights"] == "fake"
    np.testing.assert_array_equal(layers.tilts[:, 0, 3, 3], record["angles"])
    assert dock.run_panel.status.startswith("Done: 5 tilts synthesized")
    assert dock.run_panel.button.text() == START
    assert viewer.canvas.grid.enabled
    assert viewer.dims.order == (0, 2, 1, 3)


def test_a_run_says_what_it_changed_outside_the_wedge(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    panel = dock.alteration_panel
    assert panel.isHidden()
    run(qtbot, dock)
    assert not panel.isHidden()
    assert "Outside the wedge the tomogram changed by 0.4\u00a0%" in panel.text.text()
    viewer.layers.remove(dock.session.layer)
    assert panel.isHidden()


def test_the_time_that_is_left_knows_nothing_of_the_preview(
    dock: MissingWedgeDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading the network and the preview take a while in which the bar stands still."""
    panel, clock = dock.run_panel, [100.0]
    monkeypatch.setattr(
        "napari_lbn._qt.panels.run.time", SimpleNamespace(monotonic=lambda: clock[0])
    )
    monkeypatch.setattr("napari_lbn._qt.pace.time", SimpleNamespace(monotonic=lambda: clock[0]))
    panel._on_running(True)

    def at(seconds: float, fraction: float) -> str:
        clock[0] = 100.0 + seconds
        panel.show_progress(Progress(stage="Encoding tilts", done=0, total=1, fraction=fraction))
        return panel.status

    assert at(0, 0.0) == "Encoding tilts · 1 s so far"
    assert at(60, 0.05) == "Encoding tilts · 60 s so far"  # the preview is over
    assert at(70, 0.15) == "Encoding tilts · 85 s left"  # a hundredth a second
    panel._on_running(False)


def test_preview_is_on_the_screen_while_the_rest_runs(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    assert dock.session.running
    assert dock.session.view == "both"
    assert viewer.dims.point[-2] == 6 * 100.0
    assert "Preview: rows 5–6" in viewer.canvas.overlays.text.text
    assert dock.run_panel.button.text() == CANCEL
    assert not dock.settings_panel.isEnabled()
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert "Preview" not in viewer.canvas.overlays.text.text


@pytest.mark.parametrize("alone", [True, False])
def test_what_the_user_looks_at_meanwhile_stays_on_the_screen(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel, alone: bool
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    wbp, lbn = (dock.session.layers.layer(role) for role in ("wbp", "lbn"))
    if alone:
        wbp.visible, viewer.canvas.grid.enabled = False, False
    viewer.dims.order = (0, 3, 1, 2)
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert dock.run_panel.status.startswith("Done")
    assert [layer for layer in viewer.layers if layer.visible] == ([lbn] if alone else [wbp, lbn])
    assert viewer.dims.order == (0, 3, 1, 2)
    dock.display_panel._view_buttons["both"].click()
    assert wbp.visible
    assert viewer.canvas.grid.enabled
    assert viewer.dims.order == (0, 2, 1, 3)


def test_cancel_cleans_up_and_leaves_the_dock_usable(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert engine.cleaned_up.is_set()
    assert [series_of(layer) is not None for layer in viewer.layers] == [True]
    assert viewer.layers[0].visible
    assert "Cancelled" in dock.run_panel.status
    assert dock.session.result is None
    engine.hold.set()
    run(qtbot, dock)
    assert dock.session.result is not None


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), InputError("Weights do not fit.", "Choose others.")]
)
def test_failure_is_told_and_leaves_the_dock_usable(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, error: Exception
) -> None:
    engine.error = error
    with notifications() as notes:
        run(qtbot, dock)
    assert any(str(error).split(".")[0] in note for note in notes)
    assert str(error).split(".")[0] in dock.run_panel.status
    assert dock.session.result is None
    engine.error = None
    run(qtbot, dock)
    assert dock.session.result is not None


def test_cancelled_second_run_gives_the_first_back(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine
) -> None:
    run(qtbot, dock)
    first = dock.session.result
    dock.views.show("lbn")
    dock.views.layers()["lbn"].contrast_limits = (-3.0, 7.0)
    engine.hold.clear()
    engine.started.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert dock.session.result is first
    wbp = dock.views.layers()["wbp"]
    assert np.all(np.asarray(wbp.data[0]) == MEASURED_VALUE)
    assert dock.session.view == "lbn"  # as it was looked at
    assert tuple(dock.views.layers()["lbn"].contrast_limits) == (-3.0, 7.0)


def test_excluded_tilt_is_left_out_recorded_and_can_come_back(
    qtbot: Any, dock: MissingWedgeDock, series: TiltSeries
) -> None:
    dock.series_panel.toggle_tilt(3)
    assert record_of(dock.session.layer)["excluded"] == [3]
    assert "1 excluded" in dock.series_panel._description.text()
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)
    run(qtbot, dock)
    assert ANGLES[3] not in dock.session.result.angles
    assert dock.session.result.provenance["excluded"] == [3]
    assert series.excluded == frozenset()
    dock.series_panel.toggle_tilt(3)
    assert record_of(dock.session.layer)["excluded"] == []


def test_increment_and_gaps_change_what_is_synthesized(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine
) -> None:
    dock.settings_panel.advanced.increment.setValue(5.0)
    assert "11 tilts to synthesize, every 5°" in dock.series_panel._wedge.text()
    dock.series_panel.toggle_tilt(5)
    dock.settings_panel.advanced.fill_gaps.setChecked(True)
    assert "1 interior gap, filled too" in dock.series_panel._wedge.text()
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)
    planned = dock.session.planned
    assert planned.settings["increment"] == 5.0
    assert planned.settings["fill_gaps"] is True


def test_thickness_in_pixels_follows_the_binning_and_nm_stays(
    qtbot: Any, dock: MissingWedgeDock
) -> None:
    dock.settings_panel.advanced.binning.setValue(2)
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)
    assert dock.session.planned.plan.pixel_size == 200.0
    assert dock.session.planned.settings["thickness"] == 10
    assert dock.settings_panel.specimen.thickness_px.value() == 10
    assert dock.settings_panel.specimen.thickness_nm.value() == 200.0
    dock.settings_panel.specimen.thickness_px.setValue(15)
    assert dock.settings_panel.specimen.thickness_nm.value() == pytest.approx(300.0)


def test_unknown_pixel_size_is_asked_for(
    qtbot: Any,
    viewer: ViewerModel,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    layer = add_series(series.with_pixel_size(None))
    dock = make_dock()
    qtbot.waitUntil(lambda: "pixel size is unknown" in dock.run_panel.estimate, timeout=WAIT)
    assert not dock.run_panel.button.isEnabled()
    dock.settings_panel.specimen.pixel_size.setValue(13.5)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert layer.scale[-1] == 13.5
    assert float(layer.get_value(viewer.dims.point, world=True)) > 0  # still on the screen
    assert str(layer.units[-1]) == "angstrom"


def test_a_wedge_that_no_tilt_fits_into_is_told(
    qtbot: Any, make_dock: Callable[[], MissingWedgeDock], add_series: AddSeries
) -> None:
    """Three tilts 60° apart: with their median step nothing would be synthesized."""
    images = np.zeros((3, 12, 16), np.float32)
    angles = [-59.98, 0.0, 60.01]
    add_series(TiltSeries.from_array(images, angles, pixel_size=100.0, name="three"))
    dock = make_dock()
    text = dock.series_panel._wedge.text()
    assert "No tilt to synthesize fits in at an increment of 60°" in text
    dock.settings_panel.advanced.increment.setValue(5.0)
    assert "11 tilts to synthesize, every 5°" in dock.series_panel._wedge.text()


def test_inverted_angles_are_recorded(qtbot: Any, dock: MissingWedgeDock) -> None:
    first = np.array(dock.session.layer.data[0, 0])
    dock.settings_panel.advanced.invert.setChecked(True)
    assert record_of(dock.session.layer)["angles_inverted"] is True
    np.testing.assert_array_equal(dock.session.layer.data[len(ANGLES) - 1, 0], first)
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)


def test_findings_are_shown_with_their_remedy(
    qtbot: Any,
    engine: FakeEngine,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.findings = [
        FakeFinding(severity="warning", message="Tilt 3 is blank.", remedy="Exclude it.")
    ]
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(lambda: bool(dock.messages.texts), timeout=WAIT)
    assert dock.messages.texts == ["Tilt 3 is blank. Exclude it."]


def test_a_defect_of_the_series_disables_the_button_and_says_why(
    qtbot: Any,
    engine: FakeEngine,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.findings = [
        FakeFinding(severity="error", message="Tilt 3 is constant.", remedy="Exclude it.")
    ]
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(lambda: bool(dock.session.defect), timeout=WAIT)
    assert not dock.run_panel.button.isEnabled()
    assert dock.run_panel.button.toolTip() == "Tilt 3 is constant. Exclude it."
    assert dock.run_panel.estimate == SEE_MESSAGE  # said once, at the tilt series
    engine.findings = []
    dock.session.update_series(series.with_excluded([3]))
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)


def test_stack_without_angles_asks_for_them(
    qtbot: Any, viewer: ViewerModel, make_dock: Callable[[], MissingWedgeDock], tmp_path: Any
) -> None:
    images = np.random.default_rng(0).normal(size=(5, 12, 16)).astype(np.float32)
    viewer.add_image(images, name="raw")
    dock = make_dock()
    assert dock.session.series is None
    assert not dock.angles_entry.isHidden()
    file = tmp_path / "raw.tlt"
    file.write_text("-60\n-30\n0\n30\n60\n")
    counts = []
    viewer.layers.events.inserted.connect(lambda event: counts.append(len(viewer.layers)))
    dock.angles_entry.use_file(str(file))
    assert counts == [1]  # never beside the stack: see the dock
    assert dock.session.series is not None
    np.testing.assert_array_equal(dock.session.series.angles, [-60, -30, 0, 30, 60])
    assert dock.session.series.history["angles_given"] == str(file)
    assert len(viewer.layers) == 1


def test_angles_are_pasted_as_a_list(
    viewer: ViewerModel, make_dock: Callable[[], MissingWedgeDock]
) -> None:
    viewer.add_image(np.arange(5.0)[:, None, None] + np.zeros((5, 12, 16)), name="raw")
    dock = make_dock()
    entry = dock.angles_entry
    for text, verdict in {
        "": "",
        "60, 30": "2 angles so far, but the stack has 5 images.",
        "60, 30, zero": "“zero”, entry 3 of the list, is not a number.",
        "60, 30, 0, -30, -600": "“-600”, entry 5 of the list, is no tilt angle.",
    }.items():
        entry.pasted.setPlainText(text)
        assert verdict in entry.verdict
        assert not entry.use_pasted.isEnabled()
        assert entry.use_pasted.toolTip()
    entry.pasted.setPlainText("60°, 30\n0; −30 −60")
    assert entry.verdict == "5 angles from −60.0° to +60.0°, one for each image."
    entry.use_pasted.click()
    assert dock.session.series is not None
    np.testing.assert_array_equal(dock.session.series.angles, [-60, -30, 0, 30, 60])
    np.testing.assert_array_equal(viewer.layers[0].data[0, 0], np.full((12, 16), 4.0))
    assert entry.isHidden()


def test_typed_angles_keep_the_file_of_the_stack(
    viewer: ViewerModel, make_dock: Callable[[], MissingWedgeDock], tmp_path: Any
) -> None:
    file = tmp_path / "raw.tif"
    tifffile.imwrite(file, np.random.default_rng(0).normal(size=(5, 12, 16)).astype(np.float32))
    with layer_source(path=str(file)):
        viewer.add_image(tifffile.imread(file), name="raw")
    dock = make_dock()
    dock.angles_entry.use_range()
    series = dock.session.series
    assert series is not None
    assert series.source == file
    np.testing.assert_array_equal(series.angles, [-6, -3, 0, 3, 6])


def test_wrong_number_of_angles_is_told(
    viewer: ViewerModel, make_dock: Callable[[], MissingWedgeDock], tmp_path: Any
) -> None:
    viewer.add_image(np.zeros((5, 12, 16)), name="raw")
    dock = make_dock()
    file = tmp_path / "raw.tlt"
    file.write_text("-60\n0\n60\n")
    with notifications() as notes:
        dock.angles_entry.use_file(str(file))
    assert any("3 tilt angles, but raw has 5 images" in note for note in notes)
    assert dock.session.series is None


def test_removing_the_series_stops_its_run(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    viewer.layers.remove(dock.session.layer)
    qtbot.waitUntil(engine.cleaned_up.is_set, timeout=WAIT)
    assert not dock.session.running
    assert len(viewer.layers) == 0
    assert not dock.layer_choice._invitation.isHidden()


def test_series_dropped_during_a_run_does_not_take_over(
    qtbot: Any,
    dock: MissingWedgeDock,
    engine: FakeEngine,
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    mine = dock.session.layer
    add_series(series.with_excluded([0]))
    assert dock.session.layer is mine
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert dock.session.result.series is series


def test_result_comes_back_with_its_series(
    qtbot: Any, dock: MissingWedgeDock, add_series: AddSeries, series: TiltSeries
) -> None:
    run(qtbot, dock)
    result, first = dock.session.result, dock.session.layer
    add_series(series.with_excluded([1]))
    assert dock.session.layer is not first
    assert dock.session.result is None
    assert not dock.save_panel.stack.isEnabled()
    dock.use_layer(first)
    assert dock.session.result is result


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


def test_a_closed_dock_is_let_go(qtbot: Any, docked: MissingWedgeDock) -> None:
    """With the tomograms that it holds."""
    run(qtbot, docked)
    destroyed: list[bool] = []
    docked.destroyed.connect(lambda: destroyed.append(True))
    docked.setParent(None)
    qtbot.waitUntil(lambda: bool(destroyed), timeout=WAIT)


def test_a_busy_machine_is_told(
    qtbot: Any,
    make_dock: Callable[[], MissingWedgeDock],
    engine: FakeEngine,
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.busy = True
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert dock.run_panel.estimate == f"About 30 to 65 s, 2.1 GB. {BUSY}."


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.2, 0.9, "1 s"),
        (4.6, 9.3, "5 to 9 s"),
        (24, 48, "25 to 50 s"),
        (80, 160, "80 s to 3 min"),
        (960, 1920, "16 to 32 min"),
        (2880, 5760, "48 min to 1.6 h"),
        (7200, 14400, "2.0 to 3.9 h"),
    ],
)
def test_a_range_of_times_is_said_with_no_more_digits_than_it_has(
    low: float, high: float, text: str
) -> None:
    assert describe_range(low, high) == text


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


def test_disabled_controls_say_why(dock: MissingWedgeDock) -> None:
    for control in (
        dock.save_panel.stack,
        dock.save_panel.tomograms,
        dock.display_panel.alpha,
        *(b for v, b in dock.display_panel._view_buttons.items() if v != "measured"),
    ):
        assert not control.isEnabled()
        assert control.toolTip() == "Available once a correction has run."


def test_nothing_needs_more_width_than_the_dock_has(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine
) -> None:
    run(qtbot, dock)
    dock.settings_panel.advanced.unfold.setChecked(True)
    dock.messages.add("warning", "A long finding about tilts " * 5, "Do this " * 8)
    dock.resize(380, 900)
    dock.show()
    for box in dock.sections.boxes.values():
        assert box.minimumSizeHint().width() <= 360


def test_dock_without_a_viewer_any_more_is_harmless(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel, add_series: AddSeries, series: Any
) -> None:
    dock.disconnect_viewer()
    dock.disconnect_viewer()
    before = dock.session.layer
    add_series(series)
    viewer.dims.set_point(0, 3)
    assert dock.session.layer is before


def test_tiff_stack_with_angles_beside_it_is_recognized(
    qtbot: Any, viewer: ViewerModel, make_dock: Callable[[], MissingWedgeDock], tmp_path: Any
) -> None:
    file = tmp_path / "TS.tif"
    tifffile.imwrite(file, np.random.default_rng(0).normal(size=(5, 12, 16)).astype(np.float32))
    file.with_suffix(".tlt").write_text("-60\n-30\n0\n30\n60\n")
    dock = make_dock()
    with layer_source(path=str(file), reader_plugin="napari"):  # as napari's own reader does
        viewer.add_image(tifffile.imread(file), name="TS")
    qtbot.waitUntil(lambda: dock.session.series is not None, timeout=WAIT)
    np.testing.assert_array_equal(dock.session.series.angles, [-60, -30, 0, 30, 60])
    assert len(viewer.layers) == 1


def test_dock_without_weights_says_so(
    qtbot: Any,
    engine: FakeEngine,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.weights = lambda folder: []
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(lambda: "No weights were found" in dock.run_panel.estimate, timeout=WAIT)
    assert not dock.run_panel.button.isEnabled()
    dock.settings_panel.model.add_weights("/somewhere/mine.safetensors")
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert dock.session.planned.settings["weights"] == "/somewhere/mine.safetensors"


def test_repeated_angles_fill_one_place_each(
    qtbot: Any,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    angles = [*ANGLES[:-1], ANGLES[-2]]
    add_series(TiltSeries.from_array(series.images, angles, pixel_size=100.0, name="TS"))
    dock = make_dock()
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)
    run(qtbot, dock)
    record = record_of(dock.session.layers.layer("tilts"))
    assert len(set(record["angles"])) == len(record["angles"]) == len(dock.session.result.tilts)


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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_warnings_can_be_read_on_the_ground_of_each_theme(theme: str) -> None:
    """At three times the luminance, as WCAG asks of large text and of signs."""

    def luminance(colour: str) -> float:
        values = np.array(transform_color(colour)[0][:3], float)
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05

    ground = luminance(get_theme(theme).background.as_hex())
    text = luminance(WARNING_COLOUR)
    assert max(ground, text) / min(ground, text) > 3

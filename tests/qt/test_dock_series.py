"""The series in the dock: what it says of it, and what the user changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers._source import layer_source

from napari_lbn._napari.metadata import record_of
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.panels.run import SEE_MESSAGE
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import ANGLES, WAIT
from .driving import notifications, run
from .fake_engine import FakeEngine, FakeFinding

AddSeries = Callable[[TiltSeries], Any]


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

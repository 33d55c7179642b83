"""A correction in the dock: watched, cancelled, failed, left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.metadata import KEY, record_of, series_of, volume_record
from napari_lbn._qt.dock import REMOVED, MissingWedgeDock
from napari_lbn._qt.panels.run import CANCEL, OUTDATED, START
from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import Progress
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import WAIT
from .driving import notifications, run, wait_for_preview
from .fake_engine import MEASURED_VALUE, SYNTHESIZED_VALUE, FakeEngine

AddSeries = Callable[[TiltSeries], Any]


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


def test_differences_of_the_users_own_follow_alpha(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    run(qtbot, dock)
    record = volume_record("difference", pixel_size=None, alpha=None, provenance={})
    mine = viewer.add_image(np.zeros((4, 5, 6)), metadata={KEY: record})
    drawn: list[Any] = []
    mine.events.set_data.connect(drawn.append)
    dock.session.set_alpha(0.5)
    assert drawn


@pytest.mark.parametrize("role", ["wbp", "lbn"])
def test_a_cancelled_run_leaves_no_layer_where_the_user_had_removed_one(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel, role: str
) -> None:
    run(qtbot, dock)
    viewer.layers.remove(dock.views.layers()[role])
    names = [layer.name for layer in viewer.layers]
    engine.hold.clear()
    engine.started.clear()
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == len(names) + 1, timeout=WAIT)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert [layer.name for layer in viewer.layers] == names


def test_a_layer_removed_while_a_correction_runs_stays_away_until_the_next_one(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    viewer.layers.remove(dock.views.layers()["wbp"])
    qtbot.waitUntil(lambda: dock.session.view == "lbn", timeout=WAIT)
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert dock.views.roles() == {"measured", "lbn", "tilts"}
    assert [layer for layer in viewer.layers if layer.visible] == [dock.views.layers()["lbn"]]
    assert not viewer.canvas.grid.enabled
    run(qtbot, dock)
    assert "wbp" in dock.views.roles()


def test_removing_the_series_stops_its_run(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    with notifications() as notes:
        viewer.layers.remove(dock.session.layer)
    assert notes == [REMOVED]
    qtbot.waitUntil(engine.cleaned_up.is_set, timeout=WAIT)
    assert not dock.session.running
    assert len(viewer.layers) == 0
    assert not dock.layer_choice._invitation.isHidden()


def test_series_dropped_during_a_run_does_not_disturb_it_and_is_offered_afterwards(
    qtbot: Any,
    dock: MissingWedgeDock,
    engine: FakeEngine,
    viewer: ViewerModel,
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    mine, go_on = dock.session.layer, dock.layer_choice.go_on
    point, boxes = viewer.dims.point, viewer.canvas.grid.actual_shape(viewer.layers)
    with notifications() as notes:
        late = add_series(series.with_excluded([0]))
    assert "TS [1] is hidden while the correction runs" in notes[0]
    assert viewer.canvas.grid.actual_shape(viewer.layers) == boxes
    assert viewer.dims.point == point
    assert dock.session.layer is mine
    assert go_on.isHidden()
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert dock.session.result.series is series
    assert not late.visible
    assert dock.session.view == "both"
    assert go_on.text() == "Go on with TS [1]"
    assert not go_on.isHidden()
    late.name = "another"
    assert go_on.text() == "Go on with another"
    go_on.click()
    assert dock.session.layer is late
    assert go_on.isHidden()
    qtbot.waitUntil(lambda: late.visible, timeout=WAIT)
    assert [layer for layer in viewer.layers if layer.visible] == [late]


def test_a_series_that_is_closed_again_is_not_offered(
    qtbot: Any,
    dock: MissingWedgeDock,
    engine: FakeEngine,
    viewer: ViewerModel,
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.hold.clear()
    dock.run_panel.button.click()
    wait_for_preview(qtbot, dock, engine)
    late = add_series(series.with_excluded([0]))
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.layer_choice.go_on.isHidden(), timeout=WAIT)
    viewer.layers.remove(late)
    assert dock.layer_choice.go_on.isHidden()


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


def test_results_of_other_tilts_are_told_until_the_next_run(
    qtbot: Any, dock: MissingWedgeDock
) -> None:
    run(qtbot, dock)
    assert OUTDATED not in dock.run_panel.estimate
    dock.session.set_series(dock.session.series.with_excluded([2]), dock.session.layer)
    qtbot.waitUntil(lambda: OUTDATED in dock.run_panel.estimate, timeout=WAIT)
    run(qtbot, dock)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert OUTDATED not in dock.run_panel.estimate


@pytest.mark.parametrize("panel", ["check_panel", "disagreement_panel"])
def test_nothing_starts_while_evidence_is_gathered(
    qtbot: Any, dock: MissingWedgeDock, panel: str
) -> None:
    """Both at once would take twice the memory."""
    runner = getattr(dock, panel).runner

    def gather(cancel: Any) -> Iterator[Progress]:
        while not cancel.is_set():
            yield Progress(stage="Gathering", done=1, total=10, fraction=0.1)
            time.sleep(0.01)
        raise Cancelled

    with qtbot.waitSignal(runner.happened, timeout=WAIT):
        runner.start(gather)
    assert not dock.run_panel.button.isEnabled()
    assert dock.run_panel.estimate.endswith("running.") or "measured" in dock.run_panel.estimate
    runner.cancel()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert not runner.running

"""The training dock as a user meets it: the real engine on a tiny network and tiny series."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog

from napari_lbn._napari.layers import update_series_layer
from napari_lbn._napari.metadata import series_of
from napari_lbn._napari.preferences import Preferences
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.offered import OFFERED
from napari_lbn._qt.training import dock as dock_module
from napari_lbn._qt.training import jobs
from napari_lbn._qt.training.checkpoints_panel import LIVE
from napari_lbn._qt.training.dock import EARLIER, PROGRESS, TrainingDock
from napari_lbn._qt.training.known import KnownRuns
from napari_lbn._qt.training.run_panel import CANCEL, NO_SERIES, START
from napari_lbn._qt.training.series_list import GONE, INVITATION
from napari_lbn.engine.events import drain
from napari_lbn.engine.io.weights.info import read_weights_info
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.curves.read import Curves

from ..conftest import WAIT
from ..fake_engine import FakeEngine
from .conftest import LONG
from .driving import begin, is_shown, run, wait_for_end


def test_empty_dock_says_what_to_do(open_dock: Callable[[], TrainingDock]) -> None:
    dock = open_dock()
    assert is_shown(dock.series_list._hint)
    assert not dock.run_panel.button.isEnabled()
    assert dock.run_panel.button.toolTip() == NO_SERIES
    assert not is_shown(dock.sections.boxes[PROGRESS])
    assert is_shown(dock.sections.boxes[EARLIER])


def test_cost_is_told_before_the_click(qtbot: Any, dock: TrainingDock) -> None:
    assert "MB of memory" in dock.run_panel.estimate or "GB of memory" in dock.run_panel.estimate
    assert "2 tilts held out" in dock.run_panel.estimate
    dock.settings_panel.held_out.setValue(3)
    assert not dock.run_panel.button.isEnabled()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert "3 tilts held out" in dock.run_panel.estimate
    dock.settings_panel.unit.setCurrentIndex(0)
    dock.settings_panel.unit.activated.emit(0)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert dock.run_panel.estimate.startswith("3 min after the preparation: about")


def test_what_the_correction_dock_changes_of_a_series_is_followed(
    qtbot: Any,
    open_dock: Callable[[], TrainingDock],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    """A series that lacks its pixel size is given it there: the training dock has no field."""
    unknown = series.with_pixel_size(None)
    layer = add_series(unknown)
    dock = open_dock()
    qtbot.waitUntil(lambda: "pixel size is unknown" in dock.run_panel.estimate, timeout=LONG)
    update_series_layer(layer, unknown.with_pixel_size(10.0))
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=LONG)
    update_series_layer(layer, unknown.with_pixel_size(10.0).with_excluded({2}))
    assert "1 excluded" in dock.series_list.list.item(0).text()
    assert dock.status.series[0].excluded == {2}


def test_a_training_is_watched_to_its_end(qtbot: Any, dock: TrainingDock) -> None:
    status, shown = dock.status, []
    status.events.shown.connect(lambda preview: shown.append(preview.epoch))
    begin(qtbot, dock)
    assert dock.run_panel.button.text() == CANCEL
    assert not is_shown(dock.settings_panel)
    assert dock.checkpoints_panel.list.item(0).text() == LIVE
    wait_for_end(qtbot, dock)
    assert shown[:4] == [0, 1, 2, 3]
    assert status.step == len(status.losses) == 6
    assert status.losses[-1][0] == pytest.approx(3.0)
    assert status.curves.epochs == (1, 2, 3)
    assert set(status.curves.baselines) == {"neighbours", "WBP re-projection", "before training"}
    assert [kept.epoch for kept in status.weights] == [1, 2, 3]
    assert dock.run_panel.button.text() == START
    assert "Done: 3 epochs." in dock.run_panel.text
    assert is_shown(dock.settings_panel)
    assert (status.folder / "curves.png").stat().st_size > 1000
    assert status.folder.name == "TS_training"
    # the best weights are chosen and shown, and every chooser of the session lists them
    best = next(kept for kept in status.weights if kept.best)
    assert dock.checkpoints_panel.selected.epoch == status.shown.epoch == best.epoch
    assert OFFERED.files == [str(best.path)]


def test_the_drawing_holds_curves_and_baselines(qtbot: Any, dock: TrainingDock) -> None:
    run(qtbot, dock)
    panel, curves = dock.curves_panel, dock.status.curves
    (axes,) = panel.training._canvas.figure.axes
    steps, means = axes.lines
    assert len(steps.get_ydata()) == 6
    np.testing.assert_allclose(means.get_ydata(), curves.training)
    for plot in (panel.error, panel.correlation):
        (axes,) = plot._canvas.figure.axes
        named = {str(line.get_label()) for line in axes.lines}
        words = " ".join(text.get_text() for text in axes.texts)
        for name in ("neighbours", "WBP re-projection", "before training"):
            assert (name in named) != (name in words)
    panel.scale.setCurrentIndex(2)
    (axes,) = panel.correlation._canvas.figure.axes
    (line,) = (line for line in axes.lines if line.get_label() == "LBN")
    start = curves.baselines["before training"]["correlation_4x4"]
    np.testing.assert_allclose(line.get_ydata(), (start, *curves.correlations[2]))
    np.testing.assert_array_equal(line.get_xdata(), (0, *curves.epochs))


def test_pause_go_on_and_stop(qtbot: Any, dock: TrainingDock) -> None:
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    dock.run_panel.pause.click()
    assert dock.status.phase == "paused"
    # the step at hand ends, and what it tells arrives
    qtbot.waitUntil(dock.controller.waiting, timeout=LONG)
    qtbot.wait(200)
    steps = dock.status.step
    qtbot.wait(500)
    assert dock.status.step == steps
    assert "Paused" in dock.run_panel.text
    dock.run_panel.pause.click()
    qtbot.waitUntil(lambda: dock.status.step > steps + 2, timeout=LONG)
    dock.run_panel.stop.click()
    wait_for_end(qtbot, dock)
    status = dock.status
    assert status.outcome.startswith("Stopped after epoch")
    assert status.resumable
    assert (status.folder / "best.safetensors").is_file()
    assert len(Curves.read(status.folder).epochs) < 500


def test_stop_ends_a_pause(qtbot: Any, dock: TrainingDock) -> None:
    begin(qtbot, dock)
    dock.run_panel.pause.click()
    dock.run_panel.stop.click()
    wait_for_end(qtbot, dock)
    assert dock.status.resumable


def test_cancel_leaves_nothing_and_asks_once_there_is_something_to_lose(
    qtbot: Any, dock: TrainingDock, known: KnownRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = [False, True]
    monkeypatch.setattr(dock_module, "confirm_cancel", lambda parent: asked.pop(0))
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 0, timeout=LONG)
    folder = dock.status.folder
    dock.run_panel.button.click()
    assert dock.status.phase == "training"
    dock.run_panel.button.click()
    wait_for_end(qtbot, dock)
    assert not folder.exists()
    assert known.runs() == []
    assert "nothing was kept" in dock.run_panel.text
    assert not is_shown(dock.sections.boxes[PROGRESS])
    dock.status.set_options(length=1)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    run(qtbot, dock)
    assert "Done: 1 epoch." in dock.run_panel.text


def test_the_choice_in_the_list_stays_while_epochs_pass(qtbot: Any, dock: TrainingDock) -> None:
    dock.status.set_options(length=20)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 0, timeout=LONG)
    first = dock.status.weights[0].epoch
    dock.checkpoints_panel.select(first)
    qtbot.waitUntil(lambda: dock.status.shown.epoch == first, timeout=LONG)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 2, timeout=LONG)
    assert dock.status.shown.epoch == first
    dock.checkpoints_panel.list.setCurrentRow(0)
    qtbot.waitUntil(lambda: dock.status.shown.epoch > first + 1, timeout=LONG)
    dock.run_panel.stop.click()
    wait_for_end(qtbot, dock)


def test_weights_reach_the_correction_dock(
    qtbot: Any, dock: TrainingDock, viewer: ViewerModel, engine: FakeEngine
) -> None:
    correction = MissingWedgeDock(viewer, engine=engine, preferences=Preferences)
    qtbot.addWidget(correction)
    qtbot.waitUntil(lambda: correction.session.options.weights == "base", timeout=WAIT)
    run(qtbot, dock)
    chooser = correction.settings_panel.model.weights
    assert chooser.currentData() == "base"
    dock.checkpoints_panel.select(2)
    path = str(dock.checkpoints_panel.selected.path)
    dock.checkpoints_panel.use.click()
    assert correction.session.options.weights == chooser.currentData() == path
    assert chooser.currentText() == "TS_training/epoch_0002.safetensors"
    # a dock that is opened later has them too
    later = MissingWedgeDock(viewer, engine=engine, preferences=Preferences)
    qtbot.addWidget(later)
    qtbot.waitUntil(lambda: later.session.options.weights == path, timeout=WAIT)
    # the next training still starts where the user said
    assert Path(dock.status.options.weights).name == "small.safetensors"


def test_weights_are_saved_under_a_name(
    qtbot: Any, dock: TrainingDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(qtbot, dock)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    dock.checkpoints_panel.select(1)
    with qtbot.waitSignal(dock._save_job.succeeded, timeout=WAIT):
        dock.checkpoints_panel.save.click()
    info = read_weights_info(tmp_path / "mine.safetensors")
    assert info.name == "mine"
    assert info.summary["training"]["epoch"] == 1
    assert str(tmp_path / "mine.safetensors") in OFFERED.files


def test_several_layers_and_files_train_together(
    qtbot: Any, dock: TrainingDock, stack: Path
) -> None:
    dock.series_list.add_files([str(stack), str(stack.with_suffix(".nowhere"))])
    assert [one.name for one in dock.status.series] == ["TS", "TS_02"]
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert "2 series, 4 tilts held out" in dock.run_panel.estimate
    run(qtbot, dock)
    assert "Done" in dock.run_panel.text
    dock.series_list.add_files([str(stack)])
    qtbot.waitUntil(lambda: "twice" in dock.run_panel.estimate, timeout=WAIT)
    assert not dock.run_panel.button.isEnabled()


def test_no_other_series_is_ticked_while_one_trains(
    dock: TrainingDock, viewer: ViewerModel, add_series: Callable[[TiltSeries], Any]
) -> None:
    chosen = dock.series_list
    (first,) = viewer.layers
    other = add_series(series_of(first).with_excluded([0]))
    chosen.tick([first])
    chosen.set_locked(True)
    viewer.layers.remove(first)
    assert chosen.series == ()
    chosen.set_locked(False)
    assert chosen.series == (series_of(other),)


def test_a_list_that_becomes_empty_during_a_training_invites_to_nothing(
    dock: TrainingDock, viewer: ViewerModel
) -> None:
    chosen = dock.series_list
    chosen.set_locked(True)
    viewer.layers.clear()
    assert chosen._hint.text() == GONE
    assert not is_shown(chosen.sample_button)
    chosen.set_locked(False)
    assert chosen._hint.text() == INVITATION
    assert is_shown(chosen.sample_button)


def test_minutes_become_epochs(qtbot: Any, dock: TrainingDock) -> None:
    dock.status.set_options(unit="minutes", length=1)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: dock.status.step > 0, timeout=LONG)
    assert dock.status.epochs >= 3
    dock.run_panel.stop.click()
    wait_for_end(qtbot, dock)
    assert dock.status.resumable


def test_plan_and_training_speak_of_the_same(weights: Path, series: TiltSeries) -> None:
    """The options of the dock are those of the engine's configuration."""
    from napari_lbn._qt.training.options import TrainingOptions, configure

    options = TrainingOptions(
        weights=str(weights), length=7, unit="epochs", steps=3, crop=48, learning_rate=1e-4,
        hold_out_every=5, thickness_nm=25.0, critic=True, device="cpu",
    )  # fmt: skip
    made = configure(options, ["TS"])
    assert made.start == str(weights)
    assert (made.run.epochs, made.run.steps_per_epoch, made.run.keep_every) == (7, 3, 1)
    assert (made.data.hold_out_every, made.data.thickness) == (5, 250.0)
    assert (made.training.examples.crop, made.training.learning_rate) == (48, 1e-4)
    assert made.training.critic.weight == 1.0
    planned = drain(jobs.plan((series,), options, threading.Event()))
    assert (planned.epochs, planned.held_out) == (7, 2)

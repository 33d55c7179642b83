"""The training dock as a user meets it: the real engine on a tiny network and tiny series."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_lbn._napari.layers import update_series_layer
from napari_lbn._napari.preferences import Preferences
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.engine import Choice
from napari_lbn._qt.offered import OFFERED
from napari_lbn._qt.training import dock as dock_module
from napari_lbn._qt.training import jobs
from napari_lbn._qt.training.checkpoints_panel import LIVE
from napari_lbn._qt.training.dock import CLOSED, EARLIER, PROGRESS, TrainingDock
from napari_lbn._qt.training.known import KnownRuns
from napari_lbn._qt.training.run_panel import CANCEL, NO_SERIES, START
from napari_lbn.engine.events import drain
from napari_lbn.engine.io.output import write_stack, write_tilt_angles
from napari_lbn.engine.io.weights import read_weights_info, save_weights
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.curves import Curves
from napari_lbn.engine.training.state import TrainingState

from .conftest import WAIT
from .fake_engine import FakeEngine

LONG = 6 * WAIT
ANGLES = np.arange(-60.0, 61.0, 12.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8), updates=0, updates_after=0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(path, LBN(config), name="small", pixel_sizes=(8.0, 20.0), summary={})
    return path


@pytest.fixture
def series() -> TiltSeries:
    images = np.random.default_rng(0).normal(100, 10, (ANGLES.size, 32, 40)).astype(np.float32)
    return TiltSeries.from_array(images, ANGLES, pixel_size=10.0, name="TS")


@pytest.fixture
def stack(tmp_path: Path, series: TiltSeries) -> Path:
    """The same series in a file."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_tilt_angles(folder / "TS_02.tlt", ANGLES)
    return write_stack(folder / "TS_02.mrc", series.read(), pixel_size=10.0)


@pytest.fixture
def known(tmp_path: Path) -> KnownRuns:
    return KnownRuns(tmp_path / "trainings.json")


@pytest.fixture(autouse=True)
def _nothing_offered() -> Iterator[None]:
    yield
    OFFERED.files, OFFERED.last_wanted = [], ""


@pytest.fixture
def open_dock(
    qtbot: Any, viewer: ViewerModel, weights: Path, known: KnownRuns, tmp_path: Path
) -> Callable[..., TrainingDock]:
    """Opens a dock, in a parent if there is one; opened again, it is napari after a restart."""

    class Engine(FakeEngine):
        def weights(self, folder: Any) -> list[Choice]:
            return [Choice(value=str(weights), label="small")]

    (tmp_path / "runs").mkdir()

    def make(home: QWidget | None = None) -> TrainingDock:
        dock = TrainingDock(viewer, engine=Engine(), preferences=Preferences, known=known)
        if home is None:
            qtbot.addWidget(dock)
        else:
            dock.setParent(home)
        dock.status.set_options(
            unit="epochs", length=3, steps=2, crop=32, hold_out_every=4, thickness_nm=30.0,
            device="cpu", folder=tmp_path / "runs",
        )  # fmt: skip
        return dock

    return make


@pytest.fixture
def dock(
    qtbot: Any,
    open_dock: Callable[[], TrainingDock],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> TrainingDock:
    """A dock with a tilt series, ready to run."""
    add_series(series)
    dock = open_dock()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=LONG)
    return dock


@contextmanager
def notifications() -> Iterator[list[str]]:
    texts: list[str] = []

    def add(notification: Any) -> None:
        texts.append(notification.message)

    notification_manager.notification_ready.connect(add)
    try:
        yield texts
    finally:
        notification_manager.notification_ready.disconnect(add)


def begin(qtbot: Any, dock: TrainingDock) -> None:
    """Start, and wait for the first step."""
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: dock.status.step > 0, timeout=LONG)


def wait_for_end(qtbot: Any, dock: TrainingDock) -> None:
    qtbot.waitUntil(lambda: not dock.status.running, timeout=LONG)


def run(qtbot: Any, dock: TrainingDock) -> None:
    dock.run_panel.button.click()
    wait_for_end(qtbot, dock)


def is_shown(widget: Any) -> bool:
    return not widget.isHidden()


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


def test_napari_closed_by_accident_and_resumed(
    qtbot: Any,
    dock: TrainingDock,
    open_dock: Callable[[], TrainingDock],
    series: TiltSeries,
    tmp_path: Path,
) -> None:
    begin(qtbot, dock)
    folder = dock.status.folder
    dock.controller.farewell()  # what closing the viewer does
    stopped = Curves.read(folder).epochs
    assert len(stopped) < 3
    qtbot.waitUntil(lambda: not dock.status.running, timeout=LONG)
    again = open_dock()
    qtbot.waitUntil(again.runs_panel.resume.isEnabled, timeout=WAIT)
    assert "TS: stopped after epoch" in again.runs_panel.combo.currentText()
    assert again.sections.column.indexOf(again.sections.boxes[EARLIER]) == 0
    again.runs_panel.resume.click()
    wait_for_end(qtbot, again)
    assert "Done: 3 epochs." in again.run_panel.text
    resumed = Curves.read(folder)
    assert resumed.epochs == (1, 2, 3)
    # the same training without the interruption
    fresh = open_dock()
    qtbot.waitUntil(fresh.run_panel.button.isEnabled, timeout=WAIT)
    run(qtbot, fresh)
    assert fresh.status.folder != folder
    assert Curves.read(fresh.status.folder).validation == resumed.validation


def test_a_closed_dock_stops_its_training_with_a_checkpoint(
    qtbot: Any,
    open_dock: Callable[..., TrainingDock],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
    known: KnownRuns,
) -> None:
    add_series(series)
    home = QWidget()
    qtbot.addWidget(home)
    dock, destroyed = open_dock(home), []
    dock.destroyed.connect(lambda: destroyed.append(True))
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=LONG)
    begin(qtbot, dock)
    with notifications() as texts:
        dock.setParent(None)  # napari's ✕
    assert texts == [CLOSED]
    (run,) = known.runs()
    assert run.resumable
    qtbot.waitUntil(lambda: bool(destroyed), timeout=WAIT)
    again = open_dock()
    qtbot.waitUntil(again.runs_panel.resume.isEnabled, timeout=WAIT)


def test_a_training_is_looked_at_another_day(
    qtbot: Any, dock: TrainingDock, open_dock: Callable[[], TrainingDock]
) -> None:
    """Previews that nobody kept are made again, and are the same."""
    shown: dict[int, Any] = {}
    dock.status.events.shown.connect(lambda p: shown.setdefault(p.epoch, p))
    run(qtbot, dock)
    again = open_dock()
    again.controller.open(dock.status.folder)
    qtbot.waitUntil(lambda: again.status.shown is not None, timeout=LONG)
    again.checkpoints_panel.select(2)
    qtbot.waitUntil(lambda: again.status.shown.epoch == 2, timeout=LONG)
    # weights are kept in half precision
    np.testing.assert_allclose(again.status.shown.predicted, shown[2].predicted, atol=0.02)
    np.testing.assert_array_equal(again.status.shown.measured, shown[2].measured)
    np.testing.assert_allclose(again.status.before.section, shown[0].section, atol=1e-3)
    assert again.status.curves == dock.status.curves
    assert again.runs_panel.folder == dock.status.folder
    assert is_shown(again.preview_panel)


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


def test_minutes_become_epochs(qtbot: Any, dock: TrainingDock) -> None:
    dock.status.set_options(unit="minutes", length=1)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: dock.status.step > 0, timeout=LONG)
    assert dock.status.epochs >= 3
    dock.run_panel.stop.click()
    wait_for_end(qtbot, dock)
    assert dock.status.resumable


@contextmanager
def no_room_for(size: int) -> Iterator[None]:
    """A disk on which no file can be larger than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_can_be_resumed_from(qtbot: Any, dock: TrainingDock) -> None:
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 0, timeout=LONG)
    folder = dock.status.folder
    size = (folder / "last.safetensors").stat().st_size
    with notifications() as texts, no_room_for(size // 2):
        wait_for_end(qtbot, dock)
    assert any("disk is full" in text for text in texts)
    assert dock.status.resumable
    assert dock.run_panel.button.isEnabled()
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FloatingPointError("nan"), "FloatingPointError"),
        (RuntimeError("boom"), "boom"),
        (torch.OutOfMemoryError("CUDA out of memory"), "smaller crop"),
    ],
)
def test_a_failure_leaves_the_dock_usable(
    qtbot: Any,
    dock: TrainingDock,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    def fail(self: TrainingState, examples: Any) -> None:
        raise error

    with monkeypatch.context() as patch, notifications() as texts:
        patch.setattr(TrainingState, "step", fail)
        run(qtbot, dock)
    assert any(message in text for text in texts)
    assert message in dock.run_panel.text
    assert not dock.status.resumable
    assert list((dock.status.options.folder).iterdir()) == []
    run(qtbot, dock)
    assert "Done: 3 epochs." in dock.run_panel.text


def test_a_folder_that_cannot_be_is_told_in_words(
    qtbot: Any, dock: TrainingDock, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    dock.status.set_options(folder=in_the_way)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    with notifications() as texts:
        run(qtbot, dock)
    assert any("Choose another folder" in text for text in texts)
    assert "Choose another folder" in dock.run_panel.text
    assert in_the_way.read_text() == "mine"


def test_a_loss_that_is_no_number_keeps_the_checkpoint(
    qtbot: Any, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 0, timeout=LONG)
    with monkeypatch.context() as patch, notifications() as texts:
        patch.setattr(
            torch.nn.functional, "mse_loss", lambda a, b: torch.full((), torch.nan) * a.sum()
        )
        wait_for_end(qtbot, dock)
    assert any("not a number" in t and "last good checkpoint" in t for t in texts)
    assert dock.status.resumable


def test_nothing_of_a_training_stays_in_memory(
    qtbot: Any, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given back after success and failure alike: no network outlives its job."""
    import gc
    import weakref

    made: list[weakref.ref[LBN]] = []
    original = TrainingState.__init__

    def remember(self: TrainingState, network: LBN, settings: Any) -> None:
        made.append(weakref.ref(network))
        original(self, network, settings)

    monkeypatch.setattr(TrainingState, "__init__", remember)
    run(qtbot, dock)
    with monkeypatch.context() as patch:
        patch.setattr(
            torch.nn.functional, "mse_loss", lambda a, b: torch.full((), torch.nan) * a.sum()
        )
        run(qtbot, dock)
    gc.collect()
    assert len(made) == 2
    assert [one() for one in made] == [None, None]


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

"""The dock of the learned filter, with the real engine on tiny data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import mrcfile
import numpy as np
import pytest
from matplotlib.figure import Figure
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_lbn._napari.metadata import kind_of
from napari_lbn._napari.writer import write_image
from napari_lbn._qt.filter import jobs
from napari_lbn._qt.filter.dock import LearnedFilterDock
from napari_lbn._qt.filter.pictures import AVERAGED, paint_losses
from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import Progress
from napari_lbn.engine.reconstruction.learned import plane_response
from napari_lbn.engine.tilt_series import TiltSeries

from .driving import notifications

WAIT = 120_000  # a busy machine must not fail a test


@pytest.fixture
def dock(qtbot: Any, viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch) -> LearnedFilterDock:
    monkeypatch.setattr(jobs, "SIMULATED_SHAPE", (10, 12, 16))
    monkeypatch.setattr(jobs, "SIMULATED_ANGLES", np.linspace(-60, 60, 9))
    monkeypatch.setattr(jobs, "SIMULATED_SEEDS", range(1, 2))
    dock = LearnedFilterDock(viewer)
    dock.fields.steps.setValue(3)
    qtbot.addWidget(dock)
    return dock


def choose(dock: LearnedFilterDock, variant: str) -> None:
    combo = dock.fields.variant
    combo.setCurrentIndex(combo.findData(variant))


def learn(qtbot: Any, dock: LearnedFilterDock) -> None:
    with qtbot.waitSignal(dock.runner.succeeded, timeout=WAIT):
        dock.learn_button.click()


def test_nothing_can_be_applied_before_something_is_learned(dock: LearnedFilterDock) -> None:
    for button in (dock.apply_button, dock.files.save_button, dock.stop_button):
        assert not button.isEnabled()
        assert button.toolTip()
    assert dock.learn_button.isEnabled()


def test_no_empty_bar_before_a_run_and_the_reason_stays_after_one_that_failed(
    qtbot: Any, dock: LearnedFilterDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Any:
        raise InputError("Nothing to learn from.", "Give something.")

    monkeypatch.setattr(jobs, "learn", fail)
    assert dock.bar.isHidden()
    with qtbot.waitSignal(dock.runner.failed, timeout=WAIT):
        dock.learn_button.click()
        assert not dock.bar.isHidden()
    assert dock.bar.isHidden()
    assert dock.status.text() == "Nothing to learn from. Give something."


def test_learned_on_simulated_volumes_and_shown_in_the_dock(
    qtbot: Any, dock: LearnedFilterDock, viewer: ViewerModel
) -> None:
    learn(qtbot, dock)
    assert len(dock._losses) == 3
    assert "Misfit" in dock.status.text()
    assert not dock.pictures.isHidden()
    assert dock.pictures.slider.isHidden()
    assert dock.pictures.place.text() == "the same for all tilts"
    assert not viewer.layers


def test_the_plane_of_every_tilt_can_be_seen(qtbot: Any, dock: LearnedFilterDock) -> None:
    choose(dock, "tilt-2d")
    learn(qtbot, dock)
    pictures = dock.pictures
    assert pictures.place.text() == "tilt at 0.0°"
    pictures.slider.setValue(0)
    assert pictures.place.text() == "tilt at −60.0°"
    axes = pictures.plane._canvas.figure.axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), plane_response(dock.model)[0])


def test_the_cross_of_the_dock_ends_its_training(qtbot: Any, viewer: ViewerModel) -> None:
    holder = QWidget()
    dock = LearnedFilterDock(viewer)
    dock.setParent(holder)
    qtbot.addWidget(holder)
    ended = Event()

    def endless(cancel: Event) -> Iterator[Progress]:
        while not cancel.is_set():
            yield Progress(stage="Learning", done=0, total=1, fraction=0.5)
            cancel.wait(0.01)
        ended.set()
        raise Cancelled

    with qtbot.waitSignal(dock.runner.happened, timeout=WAIT):
        dock.runner.start(endless)
    dock.setParent(None)
    assert ended.wait(WAIT / 1000)
    assert not dock.runner.running
    viewer.add_image(np.zeros((2, 3, 4)))  # heard by nobody


@pytest.mark.parametrize("typed", ["mine", "mine.safetensors"])
def test_a_saved_filter_has_the_suffix_by_which_it_is_found(
    qtbot: Any,
    dock: LearnedFilterDock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
) -> None:
    learn(qtbot, dock)
    chosen = (str(tmp_path / typed), "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: chosen)
    with notifications() as notes:
        dock.files.save_button.click()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.safetensors"]
    assert "mine.safetensors" in notes[0]


def test_a_filter_is_saved_beside_its_series_or_where_the_last_one_was(
    qtbot: Any,
    dock: LearnedFilterDock,
    viewer: ViewerModel,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learn(qtbot, dock)
    begun: list[Path] = []

    def ask(parent: Any, title: str, start: str, *_: Any) -> tuple[str, str]:
        begun.append(Path(start).parent)
        return str(tmp_path / "mine.safetensors"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    for _ in range(2):
        dock.files.save_button.click()
    add_series(replace(series, source=tmp_path / "data" / "TS.mrc"))
    dock.files.save_button.click()
    assert begun == [Path.home(), tmp_path, tmp_path / "data"]


def test_tomograms_of_another_pixel_size_get_layers_of_their_own(
    dock: LearnedFilterDock, viewer: ViewerModel, tmp_path: Path
) -> None:
    pair = [np.full((4, 6, 8), value, np.float32) for value in (1, 2)]
    for size in (20.0, 10.0, 10.0):
        dock.comparison.show("TS", size, pair, "one for all")
    assert [layer.scale[-1] for layer in viewer.layers] == [20, 20, 10, 10]
    plain, learned = viewer.layers[2:]
    for layer, told in ((plain, "WBP of the measured tilts"), (learned, "learned filter")):
        write_image(str(tmp_path / "t.mrc"), layer.data, {"metadata": layer.metadata})
        with mrcfile.open(tmp_path / "t.mrc") as mrc:
            assert told in b" ".join(bytes(line) for line in mrc.header.label).decode()
            assert mrc.voxel_size.x == 10
        assert told in json.loads((tmp_path / "t.json").read_text())["method"]


def test_the_loss_is_drawn_with_its_running_mean() -> None:
    axes = Figure().subplots()
    losses = np.arange(30.0)
    paint_losses(axes, losses)
    steps, mean = axes.lines[1].get_data()
    np.testing.assert_allclose(mean, losses[AVERAGED - 1 :] - (AVERAGED - 1) / 2)
    assert steps[-1] == 30


def test_learned_on_the_open_series_applied_and_compared(
    qtbot: Any,
    dock: LearnedFilterDock,
    viewer: ViewerModel,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    add_series(series)
    dock.fields.thickness.setValue(8)
    choose(dock, "tilt-2d")
    learn(qtbot, dock)
    assert dock.model.config.angles == tuple(series.angles)
    with qtbot.waitSignal(dock.runner.succeeded, timeout=WAIT):
        dock.apply_button.click()
    tomograms = [layer for layer in viewer.layers if kind_of(layer) == "tomogram"]
    assert [layer.name for layer in tomograms] == [
        "TS, WBP, ramp",
        "TS, learned filter, one for each tilt",
    ]
    assert all(layer.data.shape == (8, *series.image_shape) for layer in tomograms)


def apply(qtbot: Any, dock: LearnedFilterDock) -> None:
    with qtbot.waitSignal(dock.runner.succeeded, timeout=WAIT):
        dock.apply_button.click()


@pytest.fixture
def compared(
    qtbot: Any,
    dock: LearnedFilterDock,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> LearnedFilterDock:
    """A dock that has applied a filter to a series."""
    add_series(series)
    dock.fields.thickness.setValue(8)
    choose(dock, "radial")
    learn(qtbot, dock)
    apply(qtbot, dock)
    return dock


def test_both_tomograms_are_seen_beside_each_other_and_nothing_else(
    compared: LearnedFilterDock, viewer: ViewerModel
) -> None:
    visible = [layer for layer in viewer.layers if layer.visible]
    assert [kind_of(layer) for layer in visible] == ["tomogram", "tomogram"]
    assert viewer.canvas.grid.enabled
    depth = viewer.dims.ndim - 3
    assert viewer.dims.margin_left[depth] == 2 * visible[0].scale[0]  # mean of 5
    compared.comparison.sections["xz"].click()
    assert viewer.dims.displayed[-2] == depth


def test_what_the_user_brought_along_is_away_meanwhile_and_comes_back(
    qtbot: Any,
    dock: LearnedFilterDock,
    viewer: ViewerModel,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    """Beside the tomograms each would have a box of its own."""
    measured = add_series(series)
    image = viewer.add_image(np.zeros((4, 6, 8)), name="a segmentation")
    points, hidden = (viewer.add_points([[1, 2, 3]], name=name) for name in ("picked", "hidden"))
    hidden.visible = False
    pair = [np.full((4, 6, 8), value, np.float32) for value in (1, 2)]
    dock.comparison.show("TS", 20.0, pair, "one for all")
    assert [layer for layer in viewer.layers if layer.visible] == dock.comparison.pair
    points.visible = True  # the user wants them nevertheless
    dock.comparison.sections["xz"].click()
    assert points.visible
    assert not image.visible
    for layer in dock.comparison.pair:
        viewer.layers.remove(layer)
    shown = [layer.visible for layer in (measured, image, points, hidden)]
    assert shown == [False, True, True, False]


def test_applied_again_the_layers_are_renewed_not_doubled(
    qtbot: Any, compared: LearnedFilterDock, viewer: ViewerModel
) -> None:
    layers = list(viewer.layers)
    before = viewer.layers[-1].data
    learn(qtbot, compared)
    apply(qtbot, compared)
    assert all(a is b for a, b in zip(viewer.layers, layers, strict=True))
    assert viewer.layers[-1].data is not before


def test_without_the_tomograms_the_viewer_is_as_it_was(
    compared: LearnedFilterDock, viewer: ViewerModel
) -> None:
    for layer in compared.comparison.pair:
        viewer.layers.remove(layer)
    assert not viewer.canvas.grid.enabled
    assert not any(viewer.dims.margin_left)
    assert not compared.comparison.isEnabled()


def test_an_open_series_is_learned_from_unless_the_user_chose_simulations(
    dock: LearnedFilterDock,
    viewer: ViewerModel,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    assert dock.fields.series is None
    assert not dock.fields.thickness.isEnabled()
    layer = add_series(series)
    assert dock.fields.series is series
    assert dock.fields.thickness.value() == 20  # 200 nm at 100 Å
    dock.fields.thickness.setValue(8)
    viewer.add_image(np.zeros((4, 4)))
    assert dock.fields.thickness.value() == 8  # what was set stays
    dock.fields.source.setCurrentIndex(1)
    dock.fields.source.activated.emit(1)
    viewer.layers.remove(layer)
    add_series(series)
    assert dock.fields.series is None


def test_a_stopped_training_keeps_what_it_has_learned(qtbot: Any, dock: LearnedFilterDock) -> None:
    dock.fields.steps.setValue(100_000)
    dock.learn_button.click()
    qtbot.waitUntil(lambda: len(dock._losses) > 1, timeout=WAIT)
    with qtbot.waitSignal(dock.runner.succeeded, timeout=WAIT):
        dock.stop_button.click()
    assert dock.status.text().startswith("Stopped after")
    assert dock.apply_button.toolTip() == "Choose a tilt series."
    assert dock.model is not None


def test_a_filter_of_simulated_volumes_is_transferred_to_the_series(
    qtbot: Any,
    dock: LearnedFilterDock,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
    tmp_path: Path,
) -> None:
    learn(qtbot, dock)
    dock.files.save(tmp_path / "f.safetensors")
    dock.model = None
    dock.files.open(tmp_path / "f.safetensors")
    assert dock.status.text() == "f.safetensors, learned from simulated volumes."
    add_series(series)
    dock.fields.thickness.setValue(8)
    with qtbot.waitSignal(dock.runner.succeeded, timeout=WAIT):
        dock.apply_button.click()


def test_a_series_that_is_closed_is_no_longer_offered(
    dock: LearnedFilterDock,
    viewer: ViewerModel,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    layer = add_series(series)
    assert dock.fields.source.count() == 2
    layer.name = "renamed"
    assert dock.fields.source.itemText(0) == "renamed"
    viewer.layers.clear()
    assert dock.fields.source.count() == 1


def test_wide_tilts_are_binned_and_the_thickness_with_them(
    qtbot: Any, dock: LearnedFilterDock, viewer: ViewerModel, add_series: Callable[..., Any]
) -> None:
    images = np.random.default_rng(0).normal(9, 1, (9, 16, 1500)).astype(np.float32)
    wide = TiltSeries.from_array(images, np.linspace(-40, 40, 9), pixel_size=10.0, name="wide")
    add_series(wide)
    assert dock.fields.binning.value() == 2
    assert dock.fields.thickness.value() == 100  # 200 nm at 20 Å
    dock.fields.binning.setValue(4)
    assert dock.fields.thickness.value() == 50
    dock.fields.thickness.setValue(8)
    choose(dock, "radial")
    learn(qtbot, dock)
    apply(qtbot, dock)
    for layer in dock.comparison.pair:
        assert layer.data.shape == (8, 4, 375)
        np.testing.assert_allclose(layer.scale, 40.0)


def test_what_does_not_fit_into_memory_is_refused(
    qtbot: Any,
    dock: LearnedFilterDock,
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_series(series)
    monkeypatch.setattr("napari_lbn.engine.device.default_memory_bound", lambda _: 1000)
    with qtbot.waitSignal(dock.runner.failed, timeout=WAIT) as told:
        dock.learn_button.click()
    assert "Bin more" in told.args[0].remedy

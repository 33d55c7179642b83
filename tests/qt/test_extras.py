"""The three ticks of the correction dock, and weights from a folder or an address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.metadata import record_of
from napari_lbn._napari.sliders import go_to_row
from napari_lbn._qt.command_line import command_line
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn.engine.events import CancelToken, Event, Notice, SlabReady
from napari_lbn.engine.io.weights.address import CACHE_VARIABLE, cached_file
from napari_lbn.engine.io.weights.find import bundled_weights
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import WAIT
from .fake_engine import FakeEngine, FakeResult

DENOISED_VALUE = 7.0


class GenerousEngine(FakeEngine):
    """Also tells of an adaptation and makes a denoised tomogram, where the settings ask."""

    def correct(
        self, series: TiltSeries, settings: dict[str, Any], cancel: CancelToken
    ) -> Generator[Event, None, FakeResult]:
        result = yield from super().correct(series, settings, cancel)
        if settings["adapt_minutes"]:
            yield Notice(message="Adapted to this series.", severity="information")
        if settings["denoised"]:
            plan = self.plan(series, settings)
            shape = (plan.thickness, *plan.image_shape)
            slab = np.full(shape, DENOISED_VALUE, np.float32)
            slab[0] = 0
            stop = plan.image_shape[0]
            yield SlabReady(part="denoised", y_start=0, y_stop=stop, slab=slab)
        return result


@pytest.fixture
def engine() -> FakeEngine:
    return GenerousEngine()


def run(qtbot: Any, dock: MissingWedgeDock) -> None:
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)


def tick(qtbot: Any, dock: MissingWedgeDock, **wanted: bool) -> None:
    for name, on in wanted.items():
        getattr(dock.settings_panel.extras, name).setChecked(on)
    qtbot.waitUntil(lambda: dock.session.planned is not None, timeout=WAIT)


def test_none_is_done_unasked(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    run(qtbot, dock)
    assert engine.settings_seen[-1]["adapt_minutes"] == 0
    assert engine.settings_seen[-1]["denoised"] is False
    assert engine.settings_seen[-1]["jackknife"] == 0
    assert engine.settings_seen[-1]["mirrored"] is False
    assert "denoised" not in dock.views.roles()
    assert dock.display_panel._view_buttons["denoised"].isHidden()


def test_ticks_reach_engine_and_command(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, series: TiltSeries, tmp_path: Path
) -> None:
    tick(qtbot, dock, adapt=True, denoised=True, jackknife=True, mirrored=True)
    run(qtbot, dock)
    assert engine.settings_seen[-1]["adapt_minutes"] == 2
    assert engine.settings_seen[-1]["jackknife"] == 4
    assert engine.settings_seen[-1]["mirrored"] is True
    assert "up to 2 min each" in dock.check_panel._purpose.text()
    assert engine.settings_seen[-1]["denoised"] is True
    assert "Adapted to this series." in dock.messages.texts
    planned = dock.session.planned
    assert planned is not None
    on_disk = replace(series, source=tmp_path / "TS.mrc")
    command = command_line(on_disk, dock.session.options, planned.plan, 1.0)
    assert {"--adapt", "--denoised", "--mirrored"} <= set(command.split())
    assert "--jackknife 4" in command


def test_denoised_layer_says_what_it_is_and_is_saved(
    qtbot: Any, dock: MissingWedgeDock, tmp_path: Path
) -> None:
    tick(qtbot, dock, denoised=True)
    run(qtbot, dock)
    button = dock.display_panel._view_buttons["denoised"]
    assert not button.isHidden()
    button.click()
    layer = dock.views.layers()["denoised"]
    assert layer.visible
    assert dock.session.view == "denoised"
    assert "synthesized throughout" in layer.name
    record = record_of(layer)
    assert record is not None
    assert record["synthesized_throughout"] is True
    assert record["alpha"] is None
    assert float(np.asarray(layer.data).max()) == DENOISED_VALUE
    dock.saver.save_tomograms(tmp_path)
    qtbot.waitUntil(lambda: "Saved" in dock.save_panel.status, timeout=WAIT)
    with mrcfile.open(tmp_path / "TS_lbn_denoised.mrc") as mrc:
        assert float(mrc.data.max()) == DENOISED_VALUE
        assert any("synthesized throughout" in line for line in mrc.get_labels())
    told = json.loads((tmp_path / "TS_lbn_denoised.json").read_text())
    assert told["synthesized_throughout"] is True


def test_the_denoised_tomogram_leaves_the_view_where_the_user_went(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine, viewer: ViewerModel
) -> None:
    engine.hold.clear()
    tick(qtbot, dock, denoised=True)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: "lbn" in dock.views.roles() and engine.started.is_set(), timeout=WAIT)
    dock.views.cut("xy")
    go_to_row(viewer, dock.views.layers()["lbn"], 2)
    here = viewer.dims.point
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=WAIT)
    assert "denoised" in dock.views.roles()
    assert viewer.dims.point[1:] == here[1:]
    assert dock.views.section == "xy"


def test_a_run_without_removes_the_layer_of_the_run_before(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel
) -> None:
    tick(qtbot, dock, denoised=True)
    run(qtbot, dock)
    assert any("throughout" in layer.name for layer in viewer.layers)
    tick(qtbot, dock, denoised=False)
    run(qtbot, dock)
    assert not any("throughout" in layer.name for layer in viewer.layers)
    assert dock.display_panel._view_buttons["denoised"].isHidden()


def test_weights_of_a_folder_are_listed_the_best_one_taken(
    qtbot: Any, dock: MissingWedgeDock, tmp_path: Path
) -> None:
    blob = bundled_weights()[0].path.read_bytes()
    for name in ("best.safetensors", "epoch_0010.safetensors"):
        (tmp_path / name).write_bytes(blob)
    model = dock.settings_panel.model
    model.own.open_folder(str(tmp_path))
    qtbot.waitUntil(lambda: model.weights.count() == 3, timeout=WAIT)
    assert dock.session.options.weights == str(tmp_path / "best.safetensors")


def test_weights_of_an_address_are_taken_once_they_are_here(
    qtbot: Any, dock: MissingWedgeDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    blob = bundled_weights()[0].path.read_bytes()
    address = f"http://127.0.0.1:9/fine.safetensors#sha256={hashlib.sha256(blob).hexdigest()}"
    model = dock.settings_panel.model
    model.own.open_address(address)
    assert not model.own.isEnabled()
    qtbot.waitUntil(model.own.isEnabled, timeout=WAIT)
    assert dock.session.options.weights == "base"  # nobody answers there, and it was told
    cached_file(address).write_bytes(blob)
    model.own.open_address(address)
    qtbot.waitUntil(lambda: dock.session.options.weights == address, timeout=WAIT)
    assert model.weights.currentText() == "fine.safetensors"
    assert model.fetching.isHidden()

"""Trainings that ended with napari, and what is done with them later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtWidgets import QWidget

from napari_lbn._qt.training.dock import CLOSED, EARLIER, TrainingDock
from napari_lbn._qt.training.known import KnownRuns
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.curves.read import Curves

from ..conftest import WAIT
from ..driving import notifications
from .conftest import LONG
from .driving import begin, is_shown, run, wait_for_end


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

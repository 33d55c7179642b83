"""A training dock over the real engine, a tiny network and a tiny series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_lbn._napari.preferences import Preferences
from napari_lbn._qt.engine import Choice
from napari_lbn._qt.offered import OFFERED
from napari_lbn._qt.training.dock import TrainingDock
from napari_lbn._qt.training.known import KnownRuns
from napari_lbn.engine.io import write_stack, write_tilt_angles
from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries

from ..conftest import WAIT
from ..fake_engine import FakeEngine

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

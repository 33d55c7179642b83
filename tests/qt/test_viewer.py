"""In a real viewer: needs a screen (xvfb) with OpenGL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mrcfile
import numpy as np
import pytest

from .conftest import ANGLES, WAIT
from .fake_engine import FakeEngine

pytestmark = pytest.mark.skipif(
    os.environ.get("QT_QPA_PLATFORM") == "offscreen", reason="a real viewer needs OpenGL"
)


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).normal(100, 10, (ANGLES.size, 40, 60)).astype(np.float32)
    path = tmp_path / "TS.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data(images)
        mrc.set_image_stack()
        mrc.voxel_size = 100.0
    path.with_suffix(".tlt").write_text("\n".join(f"{angle:.2f}" for angle in ANGLES) + "\n")
    return path


def test_drop_run_flip_and_look(
    qtbot: Any, make_napari_viewer_proxy: Any, stack_file: Path, engine: FakeEngine
) -> None:
    from napari_lbn._napari.preferences import Preferences
    from napari_lbn._qt.dock import MissingWedgeDock

    viewer = make_napari_viewer_proxy(show=True)
    viewer.open(str(stack_file), plugin="napari-lbn")
    assert viewer.canvas.overlays.text.text == "0.0°  measured"
    dock = MissingWedgeDock(viewer, engine=engine, preferences=Preferences)
    viewer.window.add_dock_widget(dock, name="Missing-wedge correction")
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: dock.session.result is not None, timeout=WAIT)
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (2, 1)
    named = [layer.name for layer in viewer.layers if layer.name_overlay.visible]
    assert named == ["TS WBP", "TS WBP + LBN"]
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert picture[..., :3].std() > 1  # something is drawn
    for view in ("wbp", "lbn", "difference", "tilts", "measured"):
        dock.display_panel._view_buttons[view].click()
        assert dock.session.view == view
    dock.views.look_at(70.0)
    assert viewer.canvas.overlays.text.text == "+70.0°  SYNTHESIZED"


def test_dock_is_in_the_plugins_menu_and_closes_with_the_viewer(
    qtbot: Any, make_napari_viewer_proxy: Any
) -> None:
    viewer = make_napari_viewer_proxy()
    _, dock = viewer.window.add_plugin_dock_widget("napari-lbn", "Missing-wedge correction")
    assert not dock.run_panel.button.isEnabled()
    qtbot.waitUntil(lambda: dock.settings_panel.model.device.count() > 1, timeout=WAIT)


def test_sample_opens(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.open_sample("napari-lbn", "simulated_tilt_series")
    tilts, truth = viewer.layers
    assert tilts.ndim == 4
    assert truth.visible is False
    middle = truth.extent.world.mean(axis=0)[0]
    assert middle == tilts.translate[1]  # where the middle of a tomogram will be
    assert viewer.canvas.overlays.text.text == "0.0°  measured"
    assert viewer.dims.axis_labels == ("tilt", "z", "y", "x")


def test_layers_may_come_and_go_after_a_correction(qapp: Any) -> None:
    """A crash of Qt would end the test run: the program runs beside it, on the same screen."""
    program = Path(__file__).with_name("layers_come_and_go.py")
    ran = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=900, check=False
    )
    output = ran.stdout + ran.stderr
    assert ran.returncode == 0, output
    assert "survived" in ran.stdout, output
    assert "swallowed" not in ran.stdout, output


def test_docks_share_one_place_as_tabs(qtbot: Any, make_napari_viewer_proxy: Any) -> None:
    """Else napari would leave the earlier dock a strip above the later one."""
    from qtpy.QtWidgets import QDockWidget, QMainWindow

    viewer = make_napari_viewer_proxy(show=True)
    titles = ("Missing-wedge correction", "Learned filter", "Compare tomograms")
    docks = [viewer.window.add_plugin_dock_widget("napari-lbn", title)[0] for title in titles]
    window = docks[0].window()
    assert isinstance(window, QMainWindow)
    first, *later = docks
    assert isinstance(first, QDockWidget)
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(first)) == len(later), timeout=WAIT)
    lists = [dock for dock in window.findChildren(QDockWidget) if dock.objectName() == "layer list"]
    assert not any(window.tabifiedDockWidgets(dock) for dock in lists)  # napari's own stay


def test_weights_of_a_training_bring_the_correction_dock_to_the_front(
    qtbot: Any, make_napari_viewer_proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_lbn._qt import offered
    from napari_lbn._qt.training import dock as training_dock
    from napari_lbn.engine.io.weights.find import bundled_weights

    monkeypatch.setattr(training_dock, "OFFERED", offered.OfferedWeights())
    viewer = make_napari_viewer_proxy(show=True)
    titles = ("Missing-wedge correction", "LBN training")
    docks = [viewer.window.add_plugin_dock_widget("napari-lbn", title) for title in titles]
    (place, _), (above, training) = docks
    qtbot.waitUntil(lambda: bool(place.window().tabifiedDockWidgets(place)), timeout=WAIT)
    qtbot.waitUntil(lambda: not above.visibleRegion().isEmpty(), timeout=WAIT)
    assert place.visibleRegion().isEmpty()
    training.use(SimpleNamespace(path=bundled_weights()[0].path, epoch=1))
    qtbot.waitUntil(lambda: not place.visibleRegion().isEmpty(), timeout=WAIT)

"""Layers come and go around a correction in a real viewer; run by `test_viewer` as a program.

A crash of Qt would take the whole test run with it. Says "survived" at the end, after every
exception that Python swallowed on the way, for lack of anybody to raise it to.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
PATIENCE = 60.0


def main() -> None:
    from fake_engine import FakeEngine

    from napari import Viewer
    from napari_lbn._napari.preferences import Preferences
    from napari_lbn._qt.dock import MissingWedgeDock

    faulthandler.enable()
    sys.excepthook = _report
    _report_errors_of_painting()
    viewer = Viewer(show=True)
    _add_series(viewer)
    dock = MissingWedgeDock(viewer, engine=FakeEngine(), preferences=Preferences)
    viewer.window.add_dock_widget(dock, name="Missing-wedge correction")
    for leave in (_clear, _remove_one_by_one):
        _correct(dock)
        _settle()
        for _ in range(2):  # beside the tomograms, with one slider more
            viewer.add_image(np.zeros((2, 5, 1, 20, 30)))
            _settle()
            viewer.layers.pop()
            _settle()
        leave(viewer)
        _settle()
        for shape in ((20, 30), (5, 20, 30), (5, 1, 20, 30)):
            viewer.add_image(np.zeros(shape))
            _settle()
        viewer.layers.pop()
        _settle()
        viewer.add_image(np.zeros((5, 1, 20, 30)))
        _settle()
        viewer.layers.clear()
        _add_series(viewer)
        _settle()
    print("survived")
    sys.stdout.flush()
    os._exit(0)  # how the interpreter ends is not what is tested


def _report(kind: Any, error: Any, trace: Any) -> None:
    print("swallowed:", kind.__name__, error)


def _report_errors_of_painting() -> None:
    """What is raised while Qt paints never arrives at `sys.excepthook`."""
    from napari._vispy.canvas import VispyCanvas

    paint = VispyCanvas._update_overlay_canvas_positions

    def painting(self: Any, event: Any = None) -> None:
        try:
            paint(self, event)
        except Exception as error:
            _report(type(error), error, None)
            raise

    VispyCanvas._update_overlay_canvas_positions = painting


def _add_series(viewer: Any) -> None:
    from napari_lbn._napari.layers import tilt_series_layer
    from napari_lbn.engine.tilt_series import TiltSeries

    angles = np.arange(-60.0, 61.0, 20.0)
    images = np.random.default_rng(0).normal(100, 10, (angles.size, 40, 60)).astype(np.float32)
    series = TiltSeries.from_array(images, angles, pixel_size=100.0, name="TS")
    data, attributes, _ = tilt_series_layer(series)
    viewer.add_image(data, **attributes)


def _correct(dock: Any) -> None:
    _wait(dock.run_panel.button.isEnabled)
    dock.run_panel.button.click()
    _wait(lambda: dock.session.result is not None and not dock.session.running)


def _clear(viewer: Any) -> None:
    viewer.layers.clear()


def _remove_one_by_one(viewer: Any) -> None:
    while viewer.layers:
        viewer.layers.pop(len(viewer.layers) // 2)
        _settle()


def _wait(condition: Callable[[], bool]) -> None:
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit("nothing happened")
        QApplication.processEvents()
        time.sleep(0.005)


def _settle() -> None:
    """Let Qt lay out and paint."""
    from qtpy.QtWidgets import QApplication

    for _ in range(5):
        QApplication.processEvents()


if __name__ == "__main__":
    main()

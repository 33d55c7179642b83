"""The angle strip by mouse and keyboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_lbn._qt.panels.angle_strip import AngleStrip

MEASURED = np.arange(-60.0, 61.0, 3.0)
SYNTHESIZED = np.concatenate([np.arange(-87.0, -60.0, 3.0), np.arange(63.0, 91.0, 3.0)])


@pytest.fixture
def strip(qtbot: Any) -> AngleStrip:
    strip = AngleStrip()
    qtbot.addWidget(strip)
    strip.resize(380, strip.sizeHint().height())
    strip.set_tilts(MEASURED, [4], SYNTHESIZED)
    return strip


def at(strip: AngleStrip, angle: float) -> QPoint:
    return QPoint(round(strip.position(angle)), 25)


def colour(strip: AngleStrip, angle: float) -> tuple[int, int, int]:
    pixel = strip.grab().toImage().pixelColor(at(strip, angle))
    return pixel.red(), pixel.green(), pixel.blue()


@pytest.mark.parametrize("index", [0, 1, 20, 39, 40])
def test_click_on_a_bar_means_its_tilt(qtbot: Any, strip: AngleStrip, index: int) -> None:
    seen: list[float] = []
    strip.chosen.connect(seen.append)
    strip.toggled.connect(seen.append)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at(strip, MEASURED[index]))
    assert seen == [MEASURED[index], index]


def test_click_on_a_synthesized_tilt_shows_it_and_excludes_nothing(
    qtbot: Any, strip: AngleStrip
) -> None:
    with qtbot.assertNotEmitted(strip.toggled), qtbot.waitSignal(strip.chosen) as signal:
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at(strip, 75.0))
    assert signal.args == [75.0]


def test_nothing_can_be_excluded_while_a_job_runs(qtbot: Any, strip: AngleStrip) -> None:
    strip.set_editable(False)
    with qtbot.assertNotEmitted(strip.toggled):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at(strip, 0.0))
        qtbot.keyClick(strip, Qt.Key.Key_Space)


def test_keyboard_moves_and_excludes(qtbot: Any, strip: AngleStrip) -> None:
    strip.set_current(0.0)
    with qtbot.waitSignal(strip.chosen) as signal:
        qtbot.keyClick(strip, Qt.Key.Key_Right)
    assert signal.args == [3.0]
    with qtbot.waitSignal(strip.toggled) as signal:
        qtbot.keyClick(strip, Qt.Key.Key_Space)
    assert signal.args == [21]
    with qtbot.waitSignal(strip.chosen) as signal:
        qtbot.keyClick(strip, Qt.Key.Key_Home)
    assert signal.args == [-87.0]


def test_measured_synthesized_and_excluded_look_different(strip: AngleStrip) -> None:
    measured, synthesized = colour(strip, 0.0), colour(strip, 75.0)
    hollow = colour(strip, MEASURED[4])
    assert len({measured, synthesized, hollow}) == 3
    assert synthesized[0] > synthesized[2] + 50  # orange
    assert max(measured) - min(measured) < 30  # grey


def test_tooltip_tells_angle_and_state(strip: AngleStrip) -> None:
    assert strip.describe(strip.position(75.0)) == "+75.0°: synthesized"
    assert "excluded" in strip.describe(strip.position(MEASURED[4]))
    assert strip.describe(strip.position(0.0)).startswith("0.0° (tilt 21): measured")
    assert strip.describe(-50) == ""


def test_empty_strip_takes_clicks_and_keys(qtbot: Any) -> None:
    strip = AngleStrip()
    qtbot.addWidget(strip)
    with qtbot.assertNotEmitted(strip.toggled):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton)
        qtbot.keyClick(strip, Qt.Key.Key_Space)
    assert not strip.grab().isNull()

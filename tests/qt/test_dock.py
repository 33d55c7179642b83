"""The dock as a user meets it, over a viewer model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.colormaps.standardize_color import transform_color
from napari.utils.theme import get_theme

from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.panels.run import BUSY, describe_range
from napari_lbn._qt.theme import WARNING_COLOUR
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import WAIT
from .driving import run
from .fake_engine import FakeEngine

AddSeries = Callable[[TiltSeries], Any]


def test_empty_dock_invites_and_offers_nothing_else(
    make_dock: Callable[[], MissingWedgeDock],
) -> None:
    dock = make_dock()
    assert not dock.layer_choice._invitation.isHidden()
    assert dock.run_panel.button.isEnabled() is False
    assert dock.run_panel.button.toolTip() == "Open a tilt series first."


def test_series_dropped_later_is_taken_at_once(
    qtbot: Any,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    dock = make_dock()
    add_series(series)
    assert dock.session.series is series
    assert dock.layer_choice._invitation.isHidden()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)


def test_everything_is_filled_in(dock: MissingWedgeDock) -> None:
    specimen, model = dock.settings_panel.specimen, dock.settings_panel.model
    assert specimen.pixel_size.value() == 100.0
    assert (specimen.thickness_px.value(), specimen.thickness_nm.value()) == (20, 200.0)
    assert model.weights.currentData() == "base"
    assert model.device.currentText() == "automatic (cpu)"
    assert model.on_cpu.text() == "Runs on the CPU, 2 threads."
    assert "below −60.0° and above +60.0°" in dock.series_panel._wedge.text()
    assert "5 tilts to synthesize, every 10°" in dock.series_panel._wedge.text()
    assert dock.run_panel.estimate == "About 30 to 65 s, 2.1 GB."


def test_a_busy_machine_is_told(
    qtbot: Any,
    make_dock: Callable[[], MissingWedgeDock],
    engine: FakeEngine,
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.busy = True
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert dock.run_panel.estimate == f"About 30 to 65 s, 2.1 GB. {BUSY}."


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.2, 0.9, "1 s"),
        (4.6, 9.3, "5 to 9 s"),
        (24, 48, "25 to 50 s"),
        (80, 160, "80 s to 3 min"),
        (960, 1920, "16 to 32 min"),
        (2880, 5760, "48 min to 1.6 h"),
        (7200, 14400, "2.0 to 3.9 h"),
    ],
)
def test_a_range_of_times_is_said_with_no_more_digits_than_it_has(
    low: float, high: float, text: str
) -> None:
    assert describe_range(low, high) == text


def test_disabled_controls_say_why(dock: MissingWedgeDock) -> None:
    for control in (
        dock.save_panel.stack,
        dock.save_panel.tomograms,
        dock.display_panel.alpha,
        *(b for v, b in dock.display_panel._view_buttons.items() if v != "measured"),
    ):
        assert not control.isEnabled()
        assert control.toolTip() == "Available once a correction has run."


def test_nothing_needs_more_width_than_the_dock_has(
    qtbot: Any, dock: MissingWedgeDock, engine: FakeEngine
) -> None:
    run(qtbot, dock)
    dock.settings_panel.advanced.unfold.setChecked(True)
    dock.messages.add("warning", "A long finding about tilts " * 5, "Do this " * 8)
    dock.resize(380, 900)
    dock.show()
    for box in dock.sections.boxes.values():
        assert box.minimumSizeHint().width() <= 360


def test_dock_without_a_viewer_any_more_is_harmless(
    qtbot: Any, dock: MissingWedgeDock, viewer: ViewerModel, add_series: AddSeries, series: Any
) -> None:
    dock.disconnect_viewer()
    dock.disconnect_viewer()
    before = dock.session.layer
    add_series(series)
    viewer.dims.set_point(0, 3)
    assert dock.session.layer is before


def test_dock_without_weights_says_so(
    qtbot: Any,
    engine: FakeEngine,
    make_dock: Callable[[], MissingWedgeDock],
    add_series: AddSeries,
    series: TiltSeries,
) -> None:
    engine.weights = lambda folder: []
    add_series(series)
    dock = make_dock()
    qtbot.waitUntil(lambda: "No weights were found" in dock.run_panel.estimate, timeout=WAIT)
    assert not dock.run_panel.button.isEnabled()
    dock.settings_panel.model.add_weights("/somewhere/mine.safetensors")
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    assert dock.session.planned.settings["weights"] == "/somewhere/mine.safetensors"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_warnings_can_be_read_on_the_ground_of_each_theme(theme: str) -> None:
    """At three times the luminance, as WCAG asks of large text and of signs."""

    def luminance(colour: str) -> float:
        values = np.array(transform_color(colour)[0][:3], float)
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05

    ground = luminance(get_theme(theme).background.as_hex())
    text = luminance(WARNING_COLOUR)
    assert max(ground, text) / min(ground, text) > 3

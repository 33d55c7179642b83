"""Preferences that name what is not there: told, with what is used instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel

from napari_lbn._napari.preferences import Preferences, on_change, read_preferences
from napari_lbn._qt.background import TYPING
from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.panels.model import ModelPanel
from napari_lbn._qt.training.dock import TrainingDock
from napari_lbn._qt.training.known import KnownRuns

from .conftest import WAIT
from .fake_engine import FakeEngine

Open = Callable[[Preferences], ModelPanel]


class Events:
    """Of the Preferences, as napari has them."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Any], None]] = []

    def connect(self, function: Callable[[Any], None]) -> None:
        self.listeners.append(function)

    def disconnect(self, function: Callable[[Any], None]) -> None:
        if function in self.listeners:
            self.listeners.remove(function)


@dataclass
class Page:
    """The plugin's page of the Preferences."""

    device: str = "auto"
    weights_folder: str = ""
    memory_bound: float = 0.0
    events: Events = field(default_factory=Events)

    def change(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)
            for listener in self.events.listeners:
                listener(object())


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    made = Page()
    monkeypatch.setattr("napari_lbn._napari.preferences._computing", lambda: made)
    return made


@pytest.fixture(params=["correction", "training"])
def open_model(
    request: pytest.FixtureRequest, qtbot: Any, viewer: ViewerModel, tmp_path: Path
) -> Open:
    """Opens a dock with these Preferences; gives its choosers once they are filled."""

    def open_dock(preferences: Preferences) -> ModelPanel:
        given: dict[str, Any] = {"engine": FakeEngine(), "preferences": lambda: preferences}
        dock: Any
        if request.param == "correction":
            dock = MissingWedgeDock(viewer, **given)
        else:
            dock = TrainingDock(viewer, known=KnownRuns(tmp_path / "runs.json"), **given)
        qtbot.addWidget(dock)
        model = dock.settings_panel.model
        qtbot.waitUntil(lambda: model.device.count() > 1, timeout=WAIT)
        qtbot.waitUntil(lambda: not dock._lookup._folder.running, timeout=WAIT)
        return model

    return open_dock


def test_a_device_that_is_not_there_is_told_until_another_is_chosen(open_model: Open) -> None:
    model = open_model(Preferences(device="cuda:7"))
    assert "cuda:7, is not there: automatic (cpu) is used." in model.no_device.text()
    assert not model.no_device.isHidden()
    model.device.setCurrentIndex(1)
    model.device.activated.emit(1)
    assert model.no_device.isHidden()


def test_a_device_that_is_there_needs_no_words(open_model: Open) -> None:
    model = open_model(Preferences(device="cpu"))
    assert model.device.currentData() == "cpu"
    assert model.no_device.isHidden()


@pytest.mark.parametrize(
    ("exists", "what"), [(False, "does not exist"), (True, "holds no weights")]
)
def test_a_folder_without_weights_is_told(
    open_model: Open, tmp_path: Path, exists: bool, what: str
) -> None:
    folder = tmp_path / "weights"
    if exists:
        folder.mkdir()
    model = open_model(Preferences(weights_folder=folder))
    assert f"{folder}, {what}" in model.no_folder.text()
    assert "Only the weights that come with napari-lbn" in model.no_folder.text()
    assert not model.no_folder.isHidden()
    assert model.weights.currentData() == "base"


def test_a_folder_with_weights_needs_no_words(open_model: Open, tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(b"")
    assert open_model(Preferences(weights_folder=tmp_path)).no_folder.isHidden()


def test_cuda_is_the_first_card(qtbot: Any, dock: MissingWedgeDock) -> None:
    from napari_lbn._qt.engine import Choice

    model = dock.settings_panel.model
    model.set_devices([Choice(value=v, label=v) for v in ("auto", "cuda:0", "cpu")], "cuda")
    assert model.device.currentData() == "cuda:0"
    assert model.no_device.isHidden()


def test_preferences_that_change_count_in_open_docks(
    qtbot: Any, viewer: ViewerModel, page: Page, tmp_path: Path
) -> None:
    """Once nothing runs; what the user has chosen in the dock itself stays."""
    engine = FakeEngine()
    dock = MissingWedgeDock(viewer, engine=engine)
    qtbot.addWidget(dock)
    model = dock.settings_panel.model
    qtbot.waitUntil(lambda: model.device.count() > 1, timeout=WAIT)
    model.add_weights(str(tmp_path / "own.safetensors"))
    page.change(device="cpu", weights_folder=str(tmp_path / "absent"))
    qtbot.waitUntil(lambda: not model.no_folder.isHidden(), timeout=WAIT)
    qtbot.waitUntil(lambda: model.device.currentData() == "cpu", timeout=WAIT)
    assert model.weights.currentText() == "own.safetensors"
    dock.session.set_running(True)
    page.change(weights_folder="")
    qtbot.wait(2 * TYPING)
    assert not model.no_folder.isHidden()
    dock.session.set_running(False)
    qtbot.waitUntil(model.no_folder.isHidden, timeout=WAIT)
    with qtbot.waitSignal(dock._lookup.preferences_changed, timeout=WAIT):
        page.change(memory_bound=2.0)
    assert model.device.currentData() == "cpu"
    assert len(page.events.listeners) == 1
    dock.disconnect_viewer()
    assert page.events.listeners == []


def test_the_page_is_read_as_napari_has_it(page: Page) -> None:
    heard: list[object] = []
    end = on_change(heard.append)
    page.change(device=" cpu ", weights_folder="~/weights", memory_bound=1.5)
    expected = Preferences(
        device="cpu",
        weights_folder=Path("~/weights").expanduser(),
        memory_bound=1_500_000_000,
    )
    assert read_preferences() == expected
    assert len(heard) == 3
    end()
    end()
    page.change(device="auto")
    assert len(heard) == 3

"""Parts of the training dock that need no dock: folders, pauses, remaining time."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn._qt.pace import Pace
from napari_lbn._qt.training import known as known_module
from napari_lbn._qt.training.control import TrainingControl
from napari_lbn._qt.training.known import KnownRuns, choose_folder
from napari_lbn._qt.training.pictures import as_grey, limits_of
from napari_lbn._qt.training.run_panel import TrainingRunPanel
from napari_lbn._qt.training.status import TrainingStatus
from napari_lbn.engine.errors import OutputError


def test_trainings_never_share_a_folder(tmp_path: Path) -> None:
    source = tmp_path / "TS 01.mrc"
    first = choose_folder("TS 01", None, source)
    assert first == tmp_path / "TS_01_training"
    first.mkdir()
    assert choose_folder("TS 01", None, source).name == "TS_01_training_2"
    (tmp_path / "mine").mkdir()
    assert choose_folder("TS 01", tmp_path / "mine", source).parent == tmp_path / "mine"


def test_data_that_cannot_be_written_to_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(known_module, "data_folder", lambda: tmp_path / "home")
    chosen = choose_folder("TS", None, tmp_path / "TS.mrc")
    assert chosen == tmp_path / "home" / "trainings" / "TS_training"
    assert choose_folder("TS", None, None) == chosen
    with pytest.raises(OutputError, match="cannot be written to"):
        choose_folder("TS", tmp_path, None)


def test_a_damaged_list_of_trainings_is_no_trouble(tmp_path: Path) -> None:
    known = KnownRuns(tmp_path / "deep" / "trainings.json")
    assert known.runs() == []
    known.add(tmp_path / "gone")
    assert known.runs() == []
    known.file.write_text("{")
    assert known.runs() == []
    known.add(tmp_path)
    assert known._read() == [tmp_path.resolve()]


@pytest.mark.parametrize("ended_by", ["go on", "stop", "cancel"])
def test_a_pause_ends(ended_by: str) -> None:
    control, cancel = TrainingControl(), threading.Event()
    control.wait(cancel)  # no pause: returns at once
    control.pause()
    waiting = threading.Thread(target=control.wait, args=(cancel,))
    waiting.start()
    time.sleep(0.05)
    assert waiting.is_alive()
    {"go on": control.go_on, "stop": control.finish, "cancel": cancel.set}[ended_by]()
    waiting.join(timeout=60)
    assert not waiting.is_alive()


@given(
    first=st.floats(0, 0.5),
    done=st.floats(0.05, 0.4),
    seconds=st.floats(10, 1e5),
    paused=st.floats(0, 1e5),
)
def test_remaining_time_knows_nothing_of_pauses(
    first: float, done: float, seconds: float, paused: float
) -> None:
    """Whatever part of the training was done before, and however long the pause."""
    now = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now)
        pace = Pace()
        assert pace.seconds_left(first) is None
        now += seconds / 2
        pace.pause()
        now += paused
        pace.go_on()
        now += seconds / 2
        left = pace.seconds_left(first + done)
    assert left == pytest.approx(seconds * (1 - first - done) / done, rel=1e-6)


@given(
    low=st.floats(-1e3, 1e3),
    span=st.floats(1e-2, 1e3),
)
def test_pictures_keep_the_order_of_grey(low: float, span: float) -> None:
    image = (low + span * np.arange(256, dtype=np.float32).reshape(8, 32) / 255).astype(np.float32)
    picture = as_grey(image, (low, low + span))
    assert (picture.width(), picture.height()) == (32, 8)
    levels = [picture.pixelColor(x, y).value() for y in range(8) for x in range(32)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 255) or levels[-1] == 254


def test_an_even_image_has_limits() -> None:
    low, high = limits_of(np.full((4, 4), 3.0, np.float32))
    assert high > low
    assert as_grey(np.full((4, 4), np.nan, np.float32), (0.0, 1.0)).pixelColor(0, 0).value() == 0


def test_no_second_is_promised_after_the_last_step(qtbot: Any) -> None:
    """The held-out tilts are predicted after it, which may take longer than the steps did."""
    status = TrainingStatus()
    panel = TrainingRunPanel(status)
    qtbot.addWidget(panel)
    status.phase, status.stage = "training", "Epoch 3 of 3"
    status.seconds_left, status.fraction = 12.0, 0.9
    assert panel.text == "Epoch 3 of 3 · 12 s left"
    status.seconds_left, status.fraction = 0.0, 1.0
    assert panel.text == "Epoch 3 of 3 · looking at the held-out tilts"

"""Full disks, bad folders, failures: told, and the dock stays usable."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_lbn._qt.training.dock import TrainingDock
from napari_lbn.engine.network import LBN
from napari_lbn.engine.training.optimisation.state import TrainingState

from ..conftest import WAIT
from ..driving import notifications
from .conftest import LONG
from .driving import begin, run, wait_for_end


@contextmanager
def no_room_for(size: int) -> Iterator[None]:
    """A disk on which no file can be larger than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_can_be_resumed_from(qtbot: Any, dock: TrainingDock) -> None:
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 0, timeout=LONG)
    folder = dock.status.folder
    size = (folder / "last.safetensors").stat().st_size
    with notifications() as texts, no_room_for(size // 2):
        wait_for_end(qtbot, dock)
    assert any("disk is full" in text for text in texts)
    assert dock.status.resumable
    assert dock.run_panel.button.isEnabled()
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FloatingPointError("nan"), "FloatingPointError"),
        (RuntimeError("boom"), "boom"),
        (torch.OutOfMemoryError("CUDA out of memory"), "smaller crop"),
    ],
)
def test_a_failure_leaves_the_dock_usable(
    qtbot: Any,
    dock: TrainingDock,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    def fail(self: TrainingState, examples: Any) -> None:
        raise error

    with monkeypatch.context() as patch, notifications() as texts:
        patch.setattr(TrainingState, "step", fail)
        run(qtbot, dock)
    assert any(message in text for text in texts)
    assert message in dock.run_panel.text
    assert not dock.status.resumable
    assert list((dock.status.options.folder).iterdir()) == []
    run(qtbot, dock)
    assert "Done: 3 epochs." in dock.run_panel.text


def test_a_folder_that_cannot_be_is_told_in_words(
    qtbot: Any, dock: TrainingDock, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    dock.status.set_options(folder=in_the_way)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    with notifications() as texts:
        run(qtbot, dock)
    assert any("Choose another folder" in text for text in texts)
    assert "Choose another folder" in dock.run_panel.text
    assert in_the_way.read_text() == "mine"


def test_a_loss_that_is_no_number_keeps_the_checkpoint(
    qtbot: Any, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.status.set_options(length=500)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=WAIT)
    begin(qtbot, dock)
    qtbot.waitUntil(lambda: len(dock.status.weights) > 0, timeout=LONG)
    with monkeypatch.context() as patch, notifications() as texts:
        patch.setattr(
            torch.nn.functional, "mse_loss", lambda a, b: torch.full((), torch.nan) * a.sum()
        )
        wait_for_end(qtbot, dock)
    assert any("not a number" in t and "last good checkpoint" in t for t in texts)
    assert dock.status.resumable


def test_nothing_of_a_training_stays_in_memory(
    qtbot: Any, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given back after success and failure alike: no network outlives its job."""
    import gc
    import weakref

    made: list[weakref.ref[LBN]] = []
    original = TrainingState.__init__

    def remember(self: TrainingState, network: LBN, settings: Any) -> None:
        made.append(weakref.ref(network))
        original(self, network, settings)

    monkeypatch.setattr(TrainingState, "__init__", remember)
    run(qtbot, dock)
    with monkeypatch.context() as patch:
        patch.setattr(
            torch.nn.functional, "mse_loss", lambda a, b: torch.full((), torch.nan) * a.sum()
        )
        run(qtbot, dock)
    gc.collect()
    assert len(made) == 2
    assert [one() for one in made] == [None, None]

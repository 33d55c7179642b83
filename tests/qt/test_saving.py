"""Saving from the dock: the right files, and a clear word where they cannot be written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn.engine.errors import OutputError

from .conftest import ANGLES, WAIT
from .driving import notifications, run
from .fake_engine import MEASURED_VALUE, SYNTHESIZED_VALUE


@pytest.fixture
def done(qtbot: Any, dock: MissingWedgeDock) -> MissingWedgeDock:
    """A dock with a result."""
    run(qtbot, dock)
    return dock


def wait(qtbot: Any, dock: MissingWedgeDock) -> None:
    qtbot.waitUntil(lambda: not dock.saver.runner.running, timeout=WAIT)


def test_augmented_stack_with_its_angles(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path
) -> None:
    done.saver.save_stack(tmp_path / "TS_lbn.mrc")
    assert not done.save_panel.stack.isEnabled()
    wait(qtbot, done)
    angles = np.loadtxt(tmp_path / "TS_lbn.tlt")
    assert angles.size == ANGLES.size + 5
    with mrcfile.open(tmp_path / "TS_lbn.mrc") as mrc:
        assert mrc.is_image_stack()
        np.testing.assert_allclose(mrc.data[:, 0, 0], angles)  # the fake's tilts hold their angle
        assert float(mrc.voxel_size.x) == pytest.approx(100.0)
    assert json.loads((tmp_path / "TS_lbn.json").read_text())["weights"] == "fake"
    assert "Saved TS_lbn.mrc" in done.save_panel.status
    assert done.save_panel.stack.isEnabled()


def test_tomograms_with_the_chosen_alpha(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path
) -> None:
    done.session.set_alpha(0.25)
    done.saver.save_tomograms(tmp_path)
    wait(qtbot, done)
    for name, value, alpha in (
        ("TS_wbp", MEASURED_VALUE, 0.0),
        ("TS_wbp_lbn", MEASURED_VALUE + 0.25 * SYNTHESIZED_VALUE, 0.25),
    ):
        with mrcfile.open(tmp_path / f"{name}.mrc") as mrc:
            assert mrc.is_volume()
            assert np.all(mrc.data[0] == value)
        assert json.loads((tmp_path / f"{name}.json").read_text())["alpha"] == alpha


def test_folder_that_cannot_be_written_to_is_told(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with notifications() as notes:
        done.saver.save_stack(tmp_path / "file" / "TS_lbn.mrc")
        wait(qtbot, done)
    assert any("TS_lbn.mrc" in note or "file" in note for note in notes)
    assert "Saved" not in done.save_panel.status
    assert done.save_panel.stack.isEnabled()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_half_of_a_stack_is_not_left_behind(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr("napari_lbn.engine.io.write_tilt_angles", full)
    done.saver.save_stack(tmp_path / "TS_lbn.mrc")
    wait(qtbot, done)
    assert "disk is full" in done.save_panel.status
    assert list(tmp_path.iterdir()) == []


def test_the_tilt_series_itself_is_never_written_over(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path
) -> None:
    source = tmp_path / "TS.mrc"
    (tmp_path / "TS.tlt").write_text("its angles")
    result = done.session.result
    history = {"alignment_file": str(tmp_path / "aligned.mrc")}
    original = replace(result.original, source=source, history=history)
    done.session.result = replace(result, original=original)
    for name in ("TS.mrc", "TS.st", "aligned.mrc"):
        done.saver.save_stack(tmp_path / name)
        wait(qtbot, done)
        assert "is an input" in done.save_panel.status
    assert [path.name for path in tmp_path.iterdir()] == ["TS.tlt"]

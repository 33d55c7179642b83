"""Saving from the dock: the right files, and a clear word where they cannot be written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_lbn._qt.dock import MissingWedgeDock
from napari_lbn._qt.saving import NOTHING_WRITTEN
from napari_lbn.engine.errors import OutputError

from .conftest import ANGLES, WAIT
from .driving import answers, notifications, run
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


def test_what_was_saved_is_not_of_the_next_run(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path
) -> None:
    done.saver.save_stack(tmp_path / "TS_lbn.mrc")
    wait(qtbot, done)
    assert "Saved TS_lbn.mrc" in done.save_panel.status
    done.run_panel.button.click()
    qtbot.waitUntil(lambda: not done.session.running, timeout=WAIT)
    assert done.save_panel.status == ""


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


def test_tomograms_are_replaced_only_if_the_user_agrees(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch, QMessageBox.StandardButton.No)
    (tmp_path / "TS_wbp_lbn.mrc").write_text("of a week's work")
    done.saver.save_tomograms(tmp_path)
    wait(qtbot, done)
    assert [path.name for path in tmp_path.iterdir()] == ["TS_wbp_lbn.mrc"]
    assert (tmp_path / "TS_wbp_lbn.mrc").read_text() == "of a week's work"
    assert done.save_panel.status == NOTHING_WRITTEN
    assert done.save_panel.tomograms.isEnabled()
    assert len(asked) == 1
    assert "TS_wbp_lbn.mrc" in asked[0]
    assert "TS_wbp.mrc" not in asked[0]  # which is not there
    answers(monkeypatch, QMessageBox.StandardButton.Yes)
    done.saver.save_tomograms(tmp_path)
    wait(qtbot, done)
    with mrcfile.open(tmp_path / "TS_wbp_lbn.mrc") as mrc:
        assert mrc.is_volume()


def test_nothing_is_asked_where_nothing_would_be_lost(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch, QMessageBox.StandardButton.No)
    (tmp_path / "another.mrc").write_text("")
    done.saver.save_tomograms(tmp_path)
    wait(qtbot, done)
    assert asked == []
    assert (tmp_path / "TS_wbp.mrc").is_file()


@pytest.mark.parametrize("typed", ["TS_lbn", "TS_lbn.mrc"])
def test_a_stack_is_asked_about_once(
    qtbot: Any,
    done: MissingWedgeDock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
) -> None:
    """Of all its files: the file dialog asks about none."""
    asked = answers(monkeypatch, QMessageBox.StandardButton.No)
    (tmp_path / "TS_lbn.mrc").write_text("")
    (tmp_path / "TS_lbn.json").write_text("a record")
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / typed), "")
    )
    done.save_panel.stack.click()
    wait(qtbot, done)
    assert len(asked) == 1
    assert "TS_lbn.mrc\nTS_lbn.json" in asked[0]
    assert (tmp_path / "TS_lbn.json").read_text() == "a record"
    assert not (tmp_path / "TS_lbn.tlt").exists()
    assert done.save_panel.status == NOTHING_WRITTEN


def test_a_suffix_of_another_kind_of_file_is_part_of_the_name(
    qtbot: Any, done: MissingWedgeDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the angles would take the place of the stack."""
    for typed in ("TS.tlt", "TS_2.5A"):
        chosen = (str(tmp_path / typed), "")
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, chosen=chosen, **__: chosen)
        done.save_panel.stack.click()
        wait(qtbot, done)
        with mrcfile.open(tmp_path / f"{typed}.mrc") as mrc:
            assert mrc.data.ndim == 3
        assert (tmp_path / f"{typed}.tlt").is_file()
    assert len(list(tmp_path.iterdir())) == 6


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

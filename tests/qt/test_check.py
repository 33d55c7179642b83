"""The Check panel over an evaluation that tests control."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mrcfile
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_lbn._qt.check.job import check_range, disagreement_range, run_check
from napari_lbn._qt.check.panel import CANCEL, START, CheckPanel
from napari_lbn._qt.check.ready import ANOTHER, CHANGED, OUT_OF_DATE
from napari_lbn._qt.check.words import notes_text, verdict_text, weights_text
from napari_lbn._qt.options import Planned
from napari_lbn._qt.panels.run import BUSY
from napari_lbn._qt.session import Session
from napari_lbn.engine.correct import CorrectionSettings, plan
from napari_lbn.engine.evaluation.geometry_check import GeometryCheck
from napari_lbn.engine.evaluation.hold_out.scores import HoldOutResult, Score, TiltScored
from napari_lbn.engine.evaluation.result import Evaluation, verdicts
from napari_lbn.engine.events import Progress, raise_if_cancelled
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.io.checks.findings import Finding
from napari_lbn.engine.tilt_series import TiltSeries

from .driving import answers, notifications

WAIT = 20_000
PLANNED = Planned(
    settings=SimpleNamespace(adapt_minutes=0.0),
    plan=SimpleNamespace(
        seconds=30.0,
        noisy_seconds=0.0,
        denoised_seconds=0.0,
        measured_angles=np.arange(-60.0, 61, 3),
    ),
)


def score(method: str, angle: float, r: float, fold: str = "part 1 of 2") -> Score:
    kind = "edge" if fold.startswith("edge") else "k-fold"
    return Score(
        kind=kind,
        fold=fold,
        method=method,
        angle=angle,
        scale="full",
        correlation=r,
        mse=2 * (1 - r),
        mse_scaled=1 - r * r,
    )


def make_scores() -> list[Score]:
    found = []
    for angle in np.arange(-60.0, 61, 10):
        found += [score("LBN", angle, 0.8), score("WBP re-projection", angle, 0.3)]
    for angle in (-60.0, 60.0):
        found += [score("LBN", angle, 0.2, "edge 6"), score("nearest tilt", angle, 0.6, "edge 6")]
    return found


def fake_check(series: TiltSeries, settings: Any, cancel: threading.Event, **ticked: bool) -> Any:
    scores = make_scores()
    image = np.zeros((4, 4), np.float32)
    for i, s in enumerate(scores):
        raise_if_cancelled(cancel)
        yield Progress(stage="Predicting", done=i, total=len(scores), fraction=i / len(scores))
        yield TiltScored(scores=(s,), predicted=image, truth=image)
    result = HoldOutResult(scores=tuple(scores))
    return Evaluation(series=series, hold_outs=result, verdicts=verdicts(result), provenance={})


def endless_check(
    series: TiltSeries, settings: Any, cancel: threading.Event, **ticked: bool
) -> Any:
    while True:
        raise_if_cancelled(cancel)
        yield Progress(stage="Predicting", done=0, total=1, fraction=0.5)
        cancel.wait(0.01)


@pytest.fixture
def session(series: TiltSeries) -> Session:
    session = Session()
    session.set_series(series)
    session.set_planned(PLANNED)
    return session


def finish(qtbot: Any, panel: CheckPanel) -> None:
    """Start a check and wait for what it finds."""
    panel.button.click()
    qtbot.waitUntil(lambda: panel.found.found is not None, timeout=WAIT)


def make_panel(qtbot: Any, session: Session, check: Any = fake_check) -> CheckPanel:
    panel = CheckPanel(session, check=check)
    qtbot.addWidget(panel)
    return panel


def test_the_button_says_why_it_cannot_run(qtbot: Any, series: TiltSeries) -> None:
    session = Session()
    panel = make_panel(qtbot, session)
    assert not panel.button.isEnabled()
    assert "Open a tilt series" in panel.button.toolTip()
    session.set_series(series)
    assert "weights" in panel.button.toolTip()
    session.set_planned(PLANNED)
    assert panel.button.isEnabled()
    session.set_running(True)
    assert "running" in panel.button.toolTip()


def test_the_time_is_told_beforehand_and_grows_with_the_ticks(qtbot: Any, session: Session) -> None:
    panel = make_panel(qtbot, session)
    told = [panel._purpose.text()]
    for tick in (panel.sirt, panel.exact):
        tick.setChecked(True)
        told.append(panel._purpose.text())
    assert all("Takes about" in text for text in told)
    # eight folds of a third of a correction, half as much again for what they are compared with
    assert "2 to 4 min" in told[0]
    assert len(set(told)) == len(told)


def test_a_busy_machine_is_told_beside_the_time(qtbot: Any, session: Session) -> None:
    panel = make_panel(qtbot, session)
    assert BUSY not in panel._purpose.text()
    session.set_planned(replace(PLANNED, busy=True))
    assert panel._purpose.text().endswith(f"2 to 4 min. {BUSY}.")


def test_a_check_takes_no_longer_for_what_it_does_not_make(session: Session) -> None:
    """No denoised tomogram; and in a disagreement no adaptation either."""
    assert session.series is not None
    series = session.series.with_pixel_size(10.0)
    plain = CorrectionSettings(thickness=16)
    denoised, adapted = replace(plain, denoised=True), replace(plain, adapt_minutes=2.0)
    plans = [plan(series, settings) for settings in (plain, denoised, adapted)]
    assert plans[1].seconds > plans[0].seconds
    assert check_range(plans[1], denoised) == pytest.approx(check_range(plans[0], plain))
    expected = pytest.approx(disagreement_range(plans[0], plain, 6))
    assert disagreement_range(plans[1], denoised, 6) == expected
    assert disagreement_range(plans[2], adapted, 6) == expected


def test_a_check_ends_in_sentences_and_a_plot(qtbot: Any, session: Session) -> None:
    pytest.importorskip("matplotlib")
    panel = make_panel(qtbot, session)
    assert panel.found.plot.isHidden()
    panel.button.click()
    assert panel.button.text() == CANCEL
    qtbot.waitUntil(lambda: panel.found.found is not None, timeout=WAIT)
    assert panel.button.text() == START
    assert "better than WBP re-projection at 13 of 13" in panel.found.verdict.text()
    assert "worse than nearest tilt (0 of 2)" in panel.found.verdict.text()
    assert "mirror in z" in panel.found.notes.text()
    assert [panel.found.plot.kind.itemData(i) for i in range(panel.found.plot.kind.count())] == [
        "k-fold",
        "edge 6",
    ]
    axes = panel.found.plot.plot._canvas.figure.axes[0]
    assert {line.get_label() for line in axes.lines} == {"LBN", "WBP re-projection"}
    panel.found.plot.kind.setCurrentIndex(1)
    axes = panel.found.plot.plot._canvas.figure.axes[0]
    assert {line.get_label() for line in axes.lines} == {"LBN", "nearest tilt"}


def test_the_verdict_names_its_weights_and_says_when_others_are_chosen(
    qtbot: Any, session: Session
) -> None:
    session.set_options(weights="base")
    session.set_planned(PLANNED)
    panel = make_panel(qtbot, session)
    finish(qtbot, panel)
    assert panel.found.weights.text().count("base.") == 1
    assert "other weights" not in panel.found.weights.text()
    session.set_options(weights="/somewhere/mine.safetensors")
    told = panel.found.weights.text()
    assert "other weights, base. Chosen now: mine.safetensors." in told
    session.set_options(weights="base")
    assert "other weights" not in panel.found.weights.text()
    session.set_series(None)
    assert panel.found.weights.text() == ""


def test_weights_of_one_name_are_told_apart_by_their_folders() -> None:
    told = weights_text("/one/mine.safetensors", "/two/mine.safetensors")
    assert "/one/mine" in told
    assert "/two/mine" in told


def test_wrong_geometry_stands_above_the_verdict(series: TiltSeries) -> None:
    finding = Finding(severity="warning", message="Axis along x.", remedy="Turn it.")
    geometry = GeometryCheck(correlations={}, order=0.0, scale=None, findings=(finding,))
    result = HoldOutResult(scores=tuple(make_scores()))
    found = Evaluation(
        series=series, hold_outs=result, verdicts=verdicts(result), geometry=geometry
    )
    text = verdict_text(found)
    assert text.index("Axis along x. Turn it.") < text.index("better than WBP")
    assert "Axis along x" not in notes_text(found)
    assert "Axis along x. Turn it." in found.sentences


@pytest.mark.parametrize("name", ["sirt", "exact"])
def test_what_is_ticked_is_asked_for(qtbot: Any, session: Session, name: str) -> None:
    asked: list[dict[str, bool]] = []

    def check(series: TiltSeries, settings: Any, cancel: threading.Event, **ticked: bool) -> Any:
        asked.append(ticked)
        return (yield from fake_check(series, settings, cancel))

    panel = make_panel(qtbot, session, check)
    for on in (False, True):
        getattr(panel, name).setChecked(on)
        panel.button.click()
        qtbot.waitUntil(lambda: not panel.runner.running, timeout=WAIT)
    nothing = {"sirt": False, "exact": False}
    assert asked == [nothing, {**nothing, name: True}]


def test_a_check_can_be_cancelled(qtbot: Any, session: Session) -> None:
    panel = make_panel(qtbot, session, endless_check)
    panel.button.click()
    qtbot.waitUntil(lambda: "Predicting" in panel.status.text(), timeout=WAIT)
    panel.button.click()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=WAIT)
    assert panel.status.text() == "Cancelled."
    assert panel.found.found is None
    assert panel.button.isEnabled()


def test_another_series_ends_the_check(qtbot: Any, session: Session) -> None:
    panel = make_panel(qtbot, session, endless_check)
    panel.button.click()
    session.set_series(None)
    assert not panel.runner.running
    assert not panel.button.isEnabled()
    assert panel.found.verdict.text() == ""


def test_a_tilt_excluded_meanwhile_ends_the_check_and_that_is_said(
    qtbot: Any, session: Session
) -> None:
    assert session.series is not None
    panel = make_panel(qtbot, session, endless_check)
    panel.button.click()
    with notifications() as notes:
        session.update_series(session.series.with_excluded([3]))
    assert not panel.runner.running
    assert panel.status.text() == CHANGED
    assert not panel.status.isHidden()
    assert notes == [f"Check: {CHANGED}"]
    session.update_series(session.series.with_excluded([3, 4]))
    assert panel.status.text() == CHANGED
    session.set_planned(PLANNED)
    panel.button.click()
    session.set_series(session.series, SimpleNamespace())
    assert panel.status.text() == ANOTHER


def test_a_verdict_that_no_longer_holds_does_not_go_without_a_word(
    qtbot: Any, session: Session
) -> None:
    assert session.series is not None
    panel = make_panel(qtbot, session)
    finish(qtbot, panel)
    session.update_series(session.series.with_excluded([3]))
    assert panel.found.verdict.text() == ""
    assert panel.status.text() == OUT_OF_DATE


def test_a_finished_check_comes_back_with_its_series(qtbot: Any, session: Session) -> None:
    """In a dock that is opened again, and after another series was chosen for a while."""
    assert session.series is not None
    first, second = SimpleNamespace(metadata={}), SimpleNamespace(metadata={})
    session.set_series(session.series, first)
    session.set_planned(PLANNED)
    panel = make_panel(qtbot, session)
    finish(qtbot, panel)
    verdict, scores = panel.found.verdict.text(), list(panel.found.plot.scores)
    assert verdict
    session.set_series(session.series, second)
    assert panel.found.verdict.text() == ""
    assert not panel.found.plot.scores
    assert panel.status.text() == ""
    session.set_series(session.series, first)
    reopened = make_panel(qtbot, session)
    for shown in (panel.found, reopened.found):
        assert shown.verdict.text() == verdict
        assert shown.plot.scores == scores
        assert shown.save_button.isEnabled()
        assert not shown.plot.isHidden()


def test_a_check_of_other_tilts_does_not_come_back(qtbot: Any, session: Session) -> None:
    assert session.series is not None
    layer, other = SimpleNamespace(metadata={}), SimpleNamespace(metadata={})
    session.set_series(session.series, layer)
    session.set_planned(PLANNED)
    panel = make_panel(qtbot, session)
    finish(qtbot, panel)
    fewer = session.series.with_excluded([3])
    for series, chosen in ((fewer, layer), (fewer, other), (fewer, layer)):
        session.set_series(series, chosen)
    assert panel.found.verdict.text() == ""
    assert session.check is None


def test_the_report_is_saved(
    qtbot: Any, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    panel = make_panel(qtbot, session)
    finish(qtbot, panel)
    assert panel.found.save_button.isEnabled()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    page = tmp_path / "TS_evaluation.html"
    with qtbot.waitSignal(panel.found.save_button.runner.succeeded, timeout=WAIT):
        panel.found.save_button.click()
    assert page.is_file()
    page.write_text("an earlier report")
    asked = answers(monkeypatch, QMessageBox.StandardButton.No)
    panel.found.save_button.click()
    assert not panel.found.save_button.runner.running
    assert page.read_text() == "an earlier report"
    assert "TS_evaluation.html" in asked[0]


def test_stacks_of_odd_and_even_frames_give_the_ceiling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        "napari_lbn.engine.evaluation.evaluate.evaluate",
        lambda series, settings, *, halves, cancel: seen.append(halves),
    )
    angles = np.arange(-20.0, 21, 10)
    images = np.random.default_rng(0).normal(size=(5, 8, 9)).astype(np.float32)
    for name in ("TS", "TS_ODD", "TS_EVN"):
        with mrcfile.new(tmp_path / f"{name}.mrc") as mrc:
            mrc.set_data(images + len(name))
            mrc.set_image_stack()
    series = open_tilt_series(tmp_path / "TS.mrc", angles=list(angles))
    run_check(series, None, threading.Event())
    (tmp_path / "TS_EVN.mrc").unlink()
    run_check(series, None, threading.Event())
    odd, _ = seen[0]
    np.testing.assert_array_equal(odd.read(), images + 6)
    assert seen[1] is None

"""The whole evaluation as one job, and its report."""

from __future__ import annotations

import csv
import html
import json
import re
import threading
from pathlib import Path

import pytest

from napari_lbn.engine.correct import CorrectionSettings
from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.evaluation.evaluate import evaluate
from napari_lbn.engine.evaluation.hold_out.verdict import SIGNS_UNSEEN
from napari_lbn.engine.evaluation.report.figures import new_figure
from napari_lbn.engine.evaluation.report.files import write_report
from napari_lbn.engine.evaluation.result import with_scores
from napari_lbn.engine.evaluation.settings import EvaluationSettings, make_folds
from napari_lbn.engine.events import Progress, drain
from napari_lbn.engine.tilt_series import TiltSeries


@pytest.fixture
def everything(small_weights: Path) -> EvaluationSettings:
    correction = CorrectionSettings(thickness=20, weights=small_weights, device="cpu")
    return EvaluationSettings(
        correction=correction, folds=3, edges=(6.0, 60.0), alteration=True, nulls=True, subsets=2
    )


def test_everything_is_measured_and_reported(
    particles: TiltSeries, everything: EvaluationSettings, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    events: list = []
    found = drain(evaluate(particles, everything), events.append)
    assert list(found.verdicts) == ["k-fold", "edge 6"]
    assert found.sentences[-1] == SIGNS_UNSEEN
    assert len(found.nulls) == 2
    assert found.geometry is not None
    assert found.disagreement is not None
    assert found.alteration is not None
    assert found.alteration.changed_outside < found.alteration.added_inside
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)

    written = write_report(found, tmp_path / "report", name="particles")
    assert {p.suffix for p in written} == {".json", ".csv", ".png", ".pdf", ".html"}
    data = json.loads((tmp_path / "report" / "particles_evaluation.json").read_text())
    assert data["findings"] == found.sentences
    assert data["provenance"]["weights"]["name"] == "small"
    with (tmp_path / "report" / "particles_evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(r["kind"] != "" for r in rows) == len(found.hold_outs.scores)
    page = (tmp_path / "report" / "particles_evaluation.html").read_text(encoding="utf-8")
    page = re.sub("</?b>", "", page)
    for sentence in found.sentences:
        assert html.escape(sentence) in page
    assert "data:image/png;base64," in page
    assert (
        page.count("<table") == 2 + 2 + 1
    )  # k-fold at two scales, an edge and its view, how it was made
    assert str(Path.cwd().parent) not in page, "folders are nobody else's business"
    assert not re.search(r'(src|href)="(?!data:)', page), "the page is not self-contained"


def test_edges_too_wide_are_left_out(particles: TiltSeries, everything: EvaluationSettings) -> None:
    names = [fold.name for fold in make_folds(particles, everything)]
    assert names == ["part 1 of 3", "part 2 of 3", "part 3 of 3", "edge 6"]
    nothing = EvaluationSettings(correction=everything.correction, folds=-1, edges=())
    with pytest.raises(InputError, match="no hold-out is left"):
        list(make_folds(particles, nothing))


def test_an_evaluation_can_be_cancelled(
    particles: TiltSeries, everything: EvaluationSettings
) -> None:
    cancel = threading.Event()
    job = evaluate(particles, everything, cancel=cancel)
    next(job)
    cancel.set()
    with pytest.raises(Cancelled):
        drain(job)


def test_scores_of_other_programs_join_the_verdict(
    particles: TiltSeries, small_weights: Path
) -> None:
    correction = CorrectionSettings(thickness=20, weights=small_weights, device="cpu")
    settings = EvaluationSettings(correction=correction, folds=2, edges=(), geometry=False)
    found = drain(evaluate(particles, settings))
    joined = with_scores(found, found.hold_outs)
    assert len(joined.hold_outs.scores) == 2 * len(found.hold_outs.scores)
    assert joined.verdicts["k-fold"] == found.verdicts["k-fold"]


def test_figures_without_matplotlib_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="need matplotlib"):
        new_figure()

"""Weights adapted to the visible tilts of each fold: nothing hidden takes part."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.correct import CorrectionSettings
from napari_lbn.engine.evaluation.evaluate import evaluate
from napari_lbn.engine.evaluation.hold_out.folds import edge_fold, k_fold
from napari_lbn.engine.evaluation.hold_out.run import HoldOutSettings, hold_out
from napari_lbn.engine.evaluation.hold_out.scores import TiltScored
from napari_lbn.engine.evaluation.hold_out.verdict import verdict
from napari_lbn.engine.evaluation.prediction.network import adapted_lbn
from napari_lbn.engine.evaluation.prediction.predictors import (
    ADAPTED_NAME,
    LBN_NAME,
    WBP_NAME,
)
from napari_lbn.engine.evaluation.settings import EvaluationSettings
from napari_lbn.engine.events import Progress, drain
from napari_lbn.engine.network import LBN
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.adaptation import AdaptationSettings

FEW_STEPS = AdaptationSettings(
    minutes=1e6, thickness=20, device="cpu", crop=32, targets=4, steps=2, learning_rate=5e-3
)


@pytest.mark.parametrize("hidden", ["inner", "edge"])
def test_spoiling_hidden_tilts_changes_neither_adaptation_nor_prediction(
    particles: TiltSeries, quick: HoldOutSettings, small_network: LBN, hidden: str
) -> None:
    fold = edge_fold(particles, 6) if hidden == "edge" else k_fold(particles, 5)[1]
    images = np.array(particles.images)
    for i in fold.hidden:
        images[particles.sections[i]] = np.random.default_rng(i).normal(0, 1e4, images[0].shape)
    found, records = [], []
    for series in (particles, replace(particles, images=images)):
        told: list = []
        methods = {ADAPTED_NAME: adapted_lbn(small_network, FEW_STEPS, told)}
        settings = replace(quick, with_low_pass=False)
        events: list = []
        drain(hold_out(series, [fold], methods, settings), events.append)
        scored = [e for e in events if isinstance(e, TiltScored)]
        found.append([e.predicted for e in scored if e.scores[0].method == ADAPTED_NAME])
        records.append([{k: r[k] for k in ("hidden", "kept_from_training", "used")} for r in told])
        fractions = [e.fraction for e in events if isinstance(e, Progress)]
        assert fractions == sorted(fractions)
    assert len(found[0]) == len(fold.hidden)
    np.testing.assert_allclose(found[0], found[1], atol=1e-3 * np.std(found[0]))
    assert records[0] == records[1]
    hidden_angles = {round(float(particles.angles[i]), 4) for i in fold.hidden}
    assert set(records[0][0]["hidden"]) == hidden_angles
    assert not hidden_angles & set(records[0][0]["kept_from_training"])


def test_adapted_weights_are_judged_and_the_plain_ones_are_no_rival(
    particles: TiltSeries, quick: HoldOutSettings
) -> None:
    result = drain(hold_out(particles, k_fold(particles, 3), {}, quick))
    wbp = [s for s in result.scores if s.method == WBP_NAME and s.scale == "full"]

    def rows(method: str, gain: float) -> list:
        return [replace(s, method=method, correlation=s.correlation + gain) for s in wbp]

    found = verdict([*wbp, *rows(LBN_NAME, 0.2), *rows(ADAPTED_NAME, 0.1)])
    assert found is not None
    assert (found.rank, found.baseline) == ("better", WBP_NAME)
    assert found.sentence.startswith(ADAPTED_NAME)
    plain = verdict([*wbp, *rows(LBN_NAME, -0.2)])
    assert plain is not None
    assert plain.rank == "worse"


def test_an_evaluation_with_adaptation_says_what_was_seen(
    particles: TiltSeries, small_weights: Path
) -> None:
    correction = CorrectionSettings(
        thickness=20, weights=small_weights, device="cpu", adapt_minutes=1e-9
    )
    settings = EvaluationSettings(correction=correction, folds=3, edges=(6.0,), geometry=False)
    events: list = []
    found = drain(evaluate(particles, settings), events.append)
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    methods = {s.method for s in found.hold_outs.scores}
    assert {LBN_NAME, ADAPTED_NAME} <= methods
    told = json.loads(json.dumps(found.provenance))["adaptations"]
    assert len(told) == 4
    for record in told:
        assert not set(record["hidden"]) & set(record["kept_from_training"])
    assert any("not zero-shot" in sentence for sentence in found.sentences)
    assert found.verdicts["edge 6"].sentence.find(ADAPTED_NAME) >= 0

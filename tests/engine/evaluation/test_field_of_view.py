"""The columns of a tilt that show the field of view, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.evaluation.hold_out.folds import Fold
from napari_lbn.engine.evaluation.hold_out.scores import Score, tilt_scores
from napari_lbn.engine.evaluation.hold_out.verdict import verdict, verdict_with_view
from napari_lbn.engine.evaluation.metrics import FULL, MIN_PIXELS, VIEW, field_of_view
from napari_lbn.engine.evaluation.prediction.predictors import LBN_NAME, WBP_NAME
from napari_lbn.engine.geometry import rotation_centre

EDGE = Fold(name="edge 6", kind="edge", hidden=(0, 1))


@given(st.integers(1, 700), st.floats(-90, 90))
def test_the_ends_of_the_untilted_view_land_on_its_ends(width: int, angle: float) -> None:
    """What lies at an end of the field of view, at the height of the axis, is seen there."""
    columns = np.arange(width, dtype=float)
    kept = field_of_view(columns[None], angle)[0]
    centre = rotation_centre(width)
    assert kept.size >= min(width, MIN_PIXELS)
    for kept_end, end in ((kept[0], columns[0]), (kept[-1], columns[-1])):
        lands = centre + (end - centre) * np.cos(np.deg2rad(angle))
        if kept.size > MIN_PIXELS + 1:
            assert abs(kept_end - lands) <= 1.5


def test_an_untilted_tilt_is_all_field_of_view() -> None:
    tilt = np.zeros((3, 41))
    assert field_of_view(tilt, 0).shape == (3, 41)
    assert field_of_view(tilt, 60).shape[1] == pytest.approx(41 / 2, abs=1)


def tilts(spoilt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth = np.random.default_rng(2).normal(size=(30, 40)).astype(np.float32)
    return np.where(spoilt, np.float32(0), truth), truth


@pytest.mark.parametrize("inside", [True, False])
def test_each_score_speaks_of_its_own_columns(inside: bool) -> None:
    beside = np.abs(np.arange(40) - 19.5) > 10.5  # at 60 degrees
    predicted, truth = tilts(~beside if inside else beside)
    found = {s.scale: s.correlation for s in tilt_scores(EDGE, LBN_NAME, 60.0, predicted, truth)}
    assert 0.3 < found[FULL] < 0.9
    assert found[VIEW] == pytest.approx(0.0 if inside else 1.0, abs=0.1)


def score(method: str, angle: float, scale: str, correlation: float) -> Score:
    return Score(
        kind="edge",
        fold="edge 6",
        method=method,
        angle=angle,
        scale=scale,
        correlation=correlation,
        mse=0,
        mse_scaled=0,
    )


def test_the_verdict_is_of_whole_tilts_and_tells_of_the_view() -> None:
    rows = []
    for angle in (-60.0, -57.0, 57.0, 60.0):
        rows += [score(LBN_NAME, angle, FULL, 0.7), score("nearest tilt", angle, FULL, 0.8)]
        rows += [score(LBN_NAME, angle, VIEW, 0.6), score("nearest tilt", angle, VIEW, 0.5)]
        rows += [score(WBP_NAME, angle, scale, 0.1) for scale in (FULL, VIEW)]
    found = verdict_with_view(rows)
    assert found is not None
    assert (found.rank, found.wins) == ("mixed", 0)
    assert found.in_view == "better than nearest tilt (4 of 4)"
    assert found.in_view in found.view_sentence


def test_scores_without_a_view_say_nothing_of_it() -> None:
    rows = [score(method, 60.0, FULL, 0.5) for method in (LBN_NAME, WBP_NAME)]
    assert verdict_with_view(rows) == verdict(rows)
    assert verdict_with_view(rows).view_sentence == ""
    assert verdict_with_view([]) is None

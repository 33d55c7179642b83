"""Hold-outs: hidden tilts reach nothing that predicts them; exact predictions score fully."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.evaluation.hold_out.folds import edge_fold, k_fold, leave_one_out
from napari_lbn.engine.evaluation.hold_out.run import HoldOutSettings, hold_out
from napari_lbn.engine.evaluation.hold_out.scores import HoldOutResult, TiltScored
from napari_lbn.engine.evaluation.hold_out.verdict import verdict
from napari_lbn.engine.evaluation.hold_out.workers import encode_all
from napari_lbn.engine.evaluation.prediction.baselines import nearest, neighbours, wbp_reprojection
from napari_lbn.engine.evaluation.prediction.network import lbn
from napari_lbn.engine.evaluation.prediction.predictors import LBN_NAME, WBP_NAME
from napari_lbn.engine.evaluation.report.tables import range_names, table
from napari_lbn.engine.events import Progress, drain
from napari_lbn.engine.network import LBN
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.validation import split

ANGLES = np.arange(-60.0, 61, 6)


def run(series: TiltSeries, folds: list, settings: HoldOutSettings, **more: object) -> tuple:
    events: list = []
    result = drain(
        hold_out(series, folds, more.pop("methods", {}), settings, **more), events.append
    )
    return result, events


def test_every_tilt_is_hidden_once(particles: TiltSeries) -> None:
    series = particles.with_excluded([3])
    for folds in (leave_one_out(series), k_fold(series, 5)):
        hidden = sorted(i for fold in folds for i in fold.hidden)
        assert hidden == list(series.included)
        for fold in folds:
            assert not set(fold.visible(series).included) & set(fold.hidden)
            assert 3 not in fold.visible(series).included


def test_an_edge_hides_the_outermost_degrees(particles: TiltSeries) -> None:
    fold = edge_fold(particles, 12)
    assert list(particles.angles[list(fold.hidden)]) == [-60, -54, 54, 60]
    with pytest.raises(InputError, match="fewer than two"):
        edge_fold(particles, 61)


def spoiled(series: TiltSeries, tilts: tuple[int, ...]) -> TiltSeries:
    images = np.array(series.images)
    for i in tilts:
        images[series.sections[i]] = 1e4 * np.random.default_rng(9).normal(size=images[0].shape)
    return replace(series, images=images)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("hidden", ["inner", "edge"])
def test_spoiling_hidden_tilts_changes_no_prediction(
    particles: TiltSeries,
    quick: HoldOutSettings,
    small_network: LBN,
    hidden: str,
    noisy: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pixels, means and scales of hidden tilts reach no method, nor the choice of low-pass.

    Nor where all tilts are encoded beforehand, nor how far noisy tilts are smoothed: here by a
    little more for any change of what is seen of the tilts.
    """
    stages = "napari_lbn.engine.synthesis.stages"
    monkeypatch.setattr(f"{stages}.smoothing", lambda explained: 0.4 + explained / 10)
    fold = edge_fold(particles, 12) if hidden == "edge" else k_fold(particles, 4)[1]
    synthesis = replace(quick.synthesis, smooth=noisy)
    settings = replace(quick, with_sirt=True, synthesis=synthesis)
    predictions = []
    for series in (particles, spoiled(particles, fold.hidden)):
        latents = drain(encode_all(series, small_network, synthesis, 2, fractions=(0, 1)))
        assert sorted(latents) == [(int(i), False, 0.0) for i in series.included]
        methods = {LBN_NAME: lbn(small_network, latents)}
        result, events = run(series, [fold], settings, methods=methods)
        sigmas = {sigma for _, _, sigma in latents}
        assert len(sigmas) == (2 if noisy else 1)
        scored = [e for e in events if isinstance(e, TiltScored)]
        predictions.append({(e.scores[0].method, e.scores[0].angle): e.predicted for e in scored})
        assert len(result.sigmas) == 4
    assert len(predictions[0]) == 9 * len(fold.hidden)
    for key, image in predictions[0].items():
        np.testing.assert_array_equal(predictions[1][key], image, err_msg=str(key))


def test_kept_latents_change_nothing(
    particles: TiltSeries, quick: HoldOutSettings, small_network: LBN
) -> None:
    """Leave-one-out with tilts encoded once is the exact one."""
    folds = leave_one_out(particles)[:3]
    scores = []
    for latents in (None, {}):
        methods = {LBN_NAME: lbn(small_network, latents)}
        result, _ = run(particles, folds, quick, methods=methods)
        scores.append([s.correlation for s in result.scores if s.method == LBN_NAME])
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_folds_side_by_side_change_nothing(
    particles: TiltSeries, quick: HoldOutSettings, small_network: LBN
) -> None:
    """Encoded beforehand and predicted three at a time, or one after the other: one result."""
    folds = [*k_fold(particles, 4), edge_fold(particles, 12)]
    found = []
    for workers in (1, 3):
        latents = {}
        if workers > 1:
            job = encode_all(particles, small_network, quick.synthesis, workers, fractions=(0, 1))
            latents = drain(job)
        settings = replace(quick, workers=workers)
        methods = {LBN_NAME: lbn(small_network, latents)}
        found.append(run(particles, folds, settings, methods=methods)[0])
    alone, together = found
    assert together.sigmas == alone.sigmas
    assert together.ceilings == alone.ceilings
    for one, other in zip(alone.scores, together.scores, strict=True):
        assert replace(other, correlation=0, mse=0, mse_scaled=0) == replace(
            one, correlation=0, mse=0, mse_scaled=0
        )
        assert other.correlation == pytest.approx(one.correlation, abs=1e-5)


def test_baselines_are_those_of_whole_arrays(particles: TiltSeries, quick: HoldOutSettings) -> None:
    fold = edge_fold(particles, 6)
    _, events = run(particles, [fold], quick)
    visible = fold.visible(particles)
    tilts = visible.read()
    tilts = (tilts - tilts.mean((1, 2), keepdims=True)) / tilts.std((1, 2), keepdims=True)
    targets = particles.angles[list(fold.hidden)]
    expected = {
        "neighbour interpolation": neighbours(tilts, visible.included_angles, targets),
        "nearest tilt": nearest(tilts, visible.included_angles, targets),
        WBP_NAME: wbp_reprojection(tilts, visible.included_angles, targets, 20),
    }
    for name, images in expected.items():
        found = [e for e in events if isinstance(e, TiltScored) and e.scores[0].method == name]
        for event, image in zip(found, images, strict=True):
            r = np.corrcoef(event.predicted.ravel(), image.ravel())[0, 1]
            assert r > 0.99


def test_the_true_projection_reaches_the_ceiling(
    quick: HoldOutSettings, clean_particles: np.ndarray
) -> None:
    """A predictor that knows the clean tilts scores what odd and even frames say it can."""
    clean = clean_particles
    rng = np.random.default_rng(2)
    odd, even = (
        TiltSeries.from_array((clean + rng.normal(0, 1.5, clean.shape)).astype(np.float32), ANGLES)
        for _ in range(2)
    )
    whole = TiltSeries.from_array((odd.images + even.images) / 2, ANGLES)

    def knows(visible, targets, rows, cancel):
        yield Progress(stage="", done=0, total=1, fraction=0.5)
        return clean[np.isin(ANGLES, targets)].astype(np.float32)

    folds = k_fold(whole, 4)
    result, _ = run(whole, folds, quick, methods={LBN_NAME: knows}, halves=(odd, even))
    ceiling = np.mean([c.correlation for c in result.ceilings if c.scale == "full"])
    rows = {row.method: row for row in table(result.scores)}
    assert rows[LBN_NAME].correlation == pytest.approx(ceiling, abs=0.03)
    assert rows[WBP_NAME].correlation < rows[WBP_NAME + " (low-passed)"].correlation
    found = verdict(result.scores)
    assert found is not None
    assert found.rank == "better"
    assert "better than" in found.sentence
    assert f"{found.wins} of 21" in found.sentence


def test_noise_is_worse_than_any_baseline(particles: TiltSeries, quick: HoldOutSettings) -> None:
    def noise(visible, targets, rows, cancel):
        return np.random.default_rng(1).normal(size=(targets.size, 40, 48)).astype(np.float32)
        yield

    result, _ = run(particles, k_fold(particles, 4), quick, methods={LBN_NAME: noise})
    found = verdict(result.scores)
    assert found is not None
    assert found.rank == "worse"
    assert "do not use these weights" in found.sentence


def test_better_than_wbp_and_worse_than_interpolation_is_mixed(
    particles: TiltSeries, quick: HoldOutSettings
) -> None:
    result, _ = run(particles, k_fold(particles, 3), quick)
    full = [s for s in result.scores if s.scale == "full"]
    plain = {s.angle: s.correlation for s in full if s.method == WBP_NAME}
    between = [
        replace(s, method=LBN_NAME, correlation=plain[s.angle] + 1e-3)
        for s in full
        if s.method == WBP_NAME
    ]
    better = [replace(s, method="other", correlation=s.correlation + 1) for s in between]
    found = verdict([*full, *between, *better])
    assert found is not None
    assert found.rank == "mixed"
    assert "21 of 21" in found.sentence
    assert found.wins == 0


def test_inverted_angles_give_the_same_figures_for_wbp(
    particles: TiltSeries, quick: HoldOutSettings
) -> None:
    """θ and −θ differ by a mirror in z: no hold-out can tell them apart."""
    plain, _ = run(particles, leave_one_out(particles)[4:8], quick)
    inverted = particles.with_inverted_angles()
    mirrored, _ = run(inverted, leave_one_out(inverted)[13:17], quick)

    def figures(result: HoldOutResult, sign: int) -> dict:
        return {
            (s.method, s.scale, sign * s.angle): s.correlation
            for s in result.scores
            if s.method.startswith(WBP_NAME)
        }

    assert figures(plain, 1) == pytest.approx(figures(mirrored, -1), abs=1e-4)


def test_tables_have_the_papers_ranges(particles: TiltSeries, quick: HoldOutSettings) -> None:
    result, _ = run(particles, k_fold(particles, 3), quick)
    rows = table(result.scores, edge=20)
    assert tuple(rows[0].by_range) == range_names(20)
    by_hand = [s for s in result.scores if s.method == WBP_NAME and s.scale == "full"]
    for name, mask in zip(
        range_names(20),
        (
            lambda a: a < -20,
            lambda a: -20 <= a < 0,
            lambda a: a == 0,
            lambda a: 0 < a <= 20,
            lambda a: a > 20,
        ),
        strict=True,
    ):
        expected = np.mean([s.correlation for s in by_hand if mask(s.angle)])
        row = next(r for r in rows if r.method == WBP_NAME)
        assert row.by_range[name] == pytest.approx(expected)
    assert len(by_hand) == 21


def test_progress_rises_to_its_share_and_cancel_stops(
    particles: TiltSeries, quick: HoldOutSettings, small_network: LBN
) -> None:
    methods = {LBN_NAME: lbn(small_network, {})}
    folds = k_fold(particles, 2)
    _, events = run(particles, folds, quick, methods=methods, fractions=(0.2, 0.6))
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0.2
    assert fractions[-1] == pytest.approx(0.6)
    cancel = threading.Event()
    job = hold_out(particles, folds, methods, quick, cancel=cancel)
    next(job)
    cancel.set()
    with pytest.raises(Cancelled):
        drain(job)


def test_tilts_of_one_angle_are_hidden_together(particles: TiltSeries) -> None:
    """A twin that stayed visible would tell what was hidden."""
    images = np.asarray(particles.read())
    twice = TiltSeries.from_array(
        np.concatenate([images, images]), [*particles.angles, *(particles.angles + 1e-4)]
    )
    training, held = split(twice, 4)
    hidden = [fold.hidden for fold in (*leave_one_out(twice), *k_fold(twice, 5))]
    for tilts in (*hidden, tuple(held)):
        visible = twice.with_excluded(tilts).included_angles
        assert np.abs(visible[:, None] - twice.angles[list(tilts)]).min() > 1
    assert training.included.size + held.size == twice.n_tilts

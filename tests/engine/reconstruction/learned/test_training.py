"""Learning: better than the ramp on volumes not seen, without truth too, and interruptible."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import drain
from napari_lbn.engine.reconstruction.learned import (
    FilterConfig,
    FilterStep,
    FilterTraining,
    LearnedFilter,
    LossSettings,
    hold_out_examples,
    project_density,
    simulate_density,
    simulated_examples,
    train_filter,
)
from napari_lbn.engine.reconstruction.learned.back_projection import RowBackProjector
from napari_lbn.engine.reconstruction.learned.grids import radius_grid
from napari_lbn.engine.reconstruction.learned.losses import total_variation
from napari_lbn.engine.reconstruction.learned.self_supervision import HoldOut

ANGLES = np.arange(-60.0, 61.0, 8.0)
SHAPE = (16, 24, 40)


@pytest.fixture(scope="module")
def volumes():
    """Volume 0 to test with, 1 and 2 to learn from."""
    test, *training = simulated_examples(range(3), SHAPE, ANGLES)
    return test, training


def made(**options) -> LearnedFilter:
    return LearnedFilter(FilterConfig(angles=tuple(ANGLES), shape=SHAPE[1:], **options))


def error(model: LearnedFilter, example) -> float:
    back_project = RowBackProjector(example.angles, SHAPE[2], SHAPE[0])
    with torch.no_grad():
        volume = back_project(model(torch.from_numpy(example.tilts))).numpy()
    return float(((volume - example.truth) ** 2).mean() / example.truth.var())


def test_simulated_volumes_are_what_they_say(volumes):
    test, _ = volumes
    assert test.truth.shape == SHAPE
    assert test.tilts.shape == (len(ANGLES), *SHAPE[1:])
    np.testing.assert_allclose(test.tilts.mean((1, 2)), 0, atol=1e-5)
    again = next(simulated_examples([0], SHAPE, ANGLES))
    np.testing.assert_array_equal(again.tilts, test.tilts)


def test_the_specimen_surrounds_the_field_and_projects_into_it():
    density = simulate_density(1, SHAPE)
    assert density.shape[0] == SHAPE[0]
    assert density.shape[1] > 1.5 * SHAPE[2]
    untilted = project_density(density, [0.0], SHAPE[2])[0]
    start = round((density.shape[1] - SHAPE[2]) / 2)
    expected = density[:, start : start + SHAPE[2]].sum(0).T
    assert np.corrcoef(untilted.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("variant", ["tilt-2d", "3d", "separable", "plane-2d", "radial"])
def test_what_is_learned_helps_a_volume_that_was_not_seen(volumes, variant):
    test, training = volumes
    model = made(variant=variant)
    before = error(model, test)
    drain(train_filter(model, training, FilterTraining(steps=40, learning_rate=1e-2)))
    assert error(model, test) < 0.8 * before


def test_held_out_tilts_alone_improve_the_filter(volumes):
    """No truth is used, and the result comes closer to it all the same."""
    test, _ = volumes
    model = made(variant="plane-2d")
    before = error(model, test)
    example = hold_out_examples(test.tilts, test.angles, SHAPE[0])
    history = drain(train_filter(model, example, FilterTraining(steps=60, rows=None)))
    assert np.mean(history[-4:]) < np.mean(history[:4])
    assert error(model, test) < 0.9 * before


@pytest.mark.parametrize("variant", ["tilt-2d", "separable"])
def test_a_hidden_tilt_does_not_matter_to_its_own_prediction(volumes, variant):
    test, _ = volumes
    example = hold_out_examples(test.tilts, test.angles, SHAPE[0])[0]
    fold = HoldOut(example, 1)
    tilts = torch.from_numpy(example.tilts)
    other = tilts.clone()
    other[fold.hidden] = torch.randn_like(other[fold.hidden])
    model = made(variant=variant)
    rows = slice(0, SHAPE[1])
    volumes_made = [fold.predict(model, images, rows)[1] for images in (tilts, other)]
    torch.testing.assert_close(*volumes_made)
    assert 0 not in fold.hidden
    assert len(ANGLES) - 1 not in fold.hidden


def test_every_tilt_but_the_outermost_is_held_out_once(volumes):
    example = hold_out_examples(volumes[0].tilts, ANGLES, SHAPE[0])[0]
    hidden = np.concatenate([HoldOut(example, fold).hidden for fold in range(4)])
    assert sorted(hidden) == list(range(1, len(ANGLES) - 1))


@pytest.mark.parametrize("term", ["tv_filter", "tv_volume", "tv_filtered"])
def test_regularization_smooths_what_it_is_about(volumes, term):
    _, training = volumes

    def variation(weight: float) -> float:
        model = made(variant="plane-2d")
        loss = LossSettings(fidelity="huber", **{term: weight})
        settings = FilterTraining(steps=60, learning_rate=3e-2, loss=loss)
        drain(train_filter(model, training, settings))
        tilts = torch.from_numpy(training[0].tilts)
        if term == "tv_filter":
            return float(model.plane.detach().diff(dim=1).abs().mean())
        filtered = model(tilts).detach()
        if term == "tv_filtered":
            return float(total_variation(filtered))
        volume = RowBackProjector(ANGLES, SHAPE[2], SHAPE[0])(filtered)
        return float(total_variation(volume))

    assert variation(100.0) < 0.8 * variation(0.0)


def test_weight_decay_shrinks_the_filter(volumes):
    _, training = volumes
    sizes = []
    for decay in (0.0, 10.0):
        model = made(variant="plane-2d")
        drain(train_filter(model, training, FilterTraining(steps=10, weight_decay=decay)))
        sizes.append(float(model.plane.detach().abs().mean()))
    assert sizes[1] < 0.9 * sizes[0]


def values_moved(volumes, **options) -> torch.Tensor:
    model = made(variant="plane-2d")
    start = model.plane.detach().clone()
    drain(train_filter(model, volumes[1], FilterTraining(**options)))
    return (model.plane.detach() - start).abs()[0]


def test_steps_grow_with_the_frequency_as_the_ramp_does(volumes):
    """AdamW's first step is as long as the learning rate everywhere, whatever the gradient."""
    radius = radius_grid(SHAPE[1:])
    expected = 1e-2 * (2 * radius).clamp(2 / SHAPE[2], 1)
    options = {"steps": 1, "learning_rate": 1e-2, "rows": None}
    moved = values_moved(volumes, **options)
    seen = torch.ones_like(moved, dtype=torch.bool)
    seen[0, 0] = False  # the mean of tilts is 0: nothing pulls at the lowest frequency
    torch.testing.assert_close(moved[seen], expected[seen], rtol=0.02, atol=1e-6)
    even = values_moved(volumes, even_steps=True, **options)
    torch.testing.assert_close(even[seen], torch.full_like(even[seen], 1e-2), rtol=0.02, atol=1e-6)


def test_a_falling_rate_ends_in_small_steps(volumes):
    def last_step(falling_rate: bool) -> float:
        options = {"learning_rate": 1e-2, "rows": None, "falling_rate": falling_rate}
        model = made(variant="radial")
        job = train_filter(model, volumes[1], FilterTraining(steps=8, **options))
        seen = [model.plane.detach().clone() for event in job if isinstance(event, FilterStep)]
        return float((seen[-1] - seen[-2]).abs().sum())

    assert last_step(True) < 0.2 * last_step(False)


def test_training_tells_every_step_and_stops_when_asked(volumes):
    cancel = threading.Event()
    model = made()
    job = train_filter(model, volumes[1], FilterTraining(steps=50), cancel=cancel)
    first = next(job)
    assert isinstance(first, FilterStep)
    assert (first.step, first.total) == (1, 50)
    next(job)
    cancel.set()
    with pytest.raises(Cancelled):
        next(job)


def test_training_is_repeatable(volumes):
    results = []
    for _ in range(2):
        model = made(variant="radial")
        drain(train_filter(model, volumes[1], FilterTraining(steps=5, rows=8)))
        results.append(model.plane.detach().clone())
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-7)


def test_what_cannot_be_learned_from_is_refused(volumes):
    with pytest.raises(InputError):
        next(train_filter(made(), [], FilterTraining()))
    other = LearnedFilter(FilterConfig(angles=tuple(ANGLES[1:]), shape=SHAPE[1:]))
    with pytest.raises(InputError, match="angles"):
        next(train_filter(other, volumes[1], FilterTraining()))
    with pytest.raises(InputError, match="few"):
        hold_out_examples(np.zeros((5, 8, 8), np.float32), np.arange(5.0), 4)
    for options in ({"steps": 0}, {"learning_rate": 0.0}, {"rows": 0}):
        with pytest.raises(InputError):
            FilterTraining(**options)

"""The first trainer: examples keep hidden tilts hidden, and the network learns."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import drain
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.training.examples.draw import ExampleSettings, TrainingSeries, draw_example
from napari_lbn.engine.training.optimisation.trainer import Report, TrainingSettings, train


def add_noise(
    clean: NDArray[np.float32], snr: float, profile: NDArray, rng: np.random.Generator
) -> NDArray[np.float32]:
    sigma = clean.std() / snr**0.5 * profile[:, None, None]
    return (clean + sigma * rng.standard_normal(clean.shape)).astype(np.float32)


@pytest.fixture
def series() -> TrainingSeries:
    """A ball that moves as geometry says."""
    angles = np.arange(-72.0, 73, 6)
    rows, columns = np.ogrid[:32, :32]
    centres = 15.5 + 6 * np.cos(np.deg2rad(angles)) + 3 * np.sin(np.deg2rad(angles))
    tilts = np.stack([np.exp(-((rows - 14) ** 2 + (columns - c) ** 2) / 20) for c in centres])
    return TrainingSeries(
        tilts=tilts.astype(np.float16), angles=angles, noise_profile=np.ones(angles.size)
    )


def measured(series: TrainingSeries) -> TrainingSeries:
    return TrainingSeries(tilts=series.tilts, angles=series.angles)


SETTINGS = TrainingSettings(
    steps=40, report_every=10, warm_up=5, learning_rate=3e-3, precision="float32", ema=0.9,
    examples=ExampleSettings(crop=32, n_targets=6, snr=(2.0, 4.0),
        bright_probability=0.0, depths=(32, 64)),
)  # fmt: skip


@pytest.mark.parametrize("simulated", [True, False])
def test_examples_predict_hidden_tilts_first(series: TrainingSeries, simulated: bool) -> None:
    settings = ExampleSettings(crop=32, n_targets=6, offset_probability=0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        source = series if simulated else measured(series)
        example = draw_example(source, settings, rng, add_noise)
        assert example.visible.shape[1:] == (1, 32, 32)
        assert len(example.visible) == len(example.visible_angles) >= 2
        hidden = ~np.isin(example.target_angles, example.visible_angles)
        assert hidden.sum() <= 5
        assert (np.diff(hidden.astype(int)) <= 0).all()
        assert np.isfinite(example.targets).all()


def test_measured_series_are_their_own_targets(series: TrainingSeries) -> None:
    settings = ExampleSettings(crop=32, offset_probability=0)
    example = draw_example(measured(series), settings, np.random.default_rng(0), add_noise)
    for target, angle in zip(example.targets, example.target_angles, strict=True):
        at = np.flatnonzero(example.visible_angles == angle)
        if at.size:
            np.testing.assert_array_equal(target, example.visible[at[0]])


def test_clean_targets_share_the_scale_of_noisy_ones(series: TrainingSeries) -> None:
    noisy = ExampleSettings(crop=32, targets="noisy", snr=(1e6, 2e6))
    clean = ExampleSettings(crop=32, targets="clean", snr=(1e6, 2e6))
    a = draw_example(series, noisy, np.random.default_rng(5), add_noise)
    b = draw_example(series, clean, np.random.default_rng(5), add_noise)
    np.testing.assert_allclose(a.targets, b.targets, atol=0.02)


def test_training_learns(series: TrainingSeries, small_config: LBNConfig) -> None:
    torch.manual_seed(0)
    reports: list[Report] = []
    average = drain(
        train(LBN(small_config), lambda: [series], SETTINGS, add_noise=add_noise), reports.append
    )
    assert [r.step for r in reports] == [10, 20, 30, 40]
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert not any(p.requires_grad for p in average.parameters())


def test_training_repeats_itself(series: TrainingSeries, small_config: LBNConfig) -> None:
    short = replace(SETTINGS, steps=3, report_every=3)
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        job = train(LBN(small_config), lambda: [series], short, add_noise=add_noise)
        losses.append(next(job).loss)
        job.close()
    assert losses[0] == losses[1]


def test_training_can_be_cancelled(series: TrainingSeries, small_config: LBNConfig) -> None:
    cancel = threading.Event()
    cancel.set()
    job = train(LBN(small_config), lambda: [series], SETTINGS, add_noise=add_noise, cancel=cancel)
    with pytest.raises(Cancelled):
        drain(job)


def test_nothing_to_train_on_is_told(small_config: LBNConfig) -> None:
    with pytest.raises(InputError, match="no series"):
        drain(train(LBN(small_config), list, SETTINGS, add_noise=add_noise))

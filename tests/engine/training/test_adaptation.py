"""Adaptation to one series: what trains, what chooses, what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import CancelToken, Progress, drain
from napari_lbn.engine.network import LBN
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.adaptation import (
    AdaptationScored,
    AdaptationSettings,
    adapt,
)
from napari_lbn.engine.training.adaptation.check import choose_validation
from napari_lbn.engine.training.optimisation.precision import fastest_precision

N_TILTS = 13
LONG = 1e6
"""Minutes: the number of steps ends these adaptations, and the clock changes no rate."""


class Recorder:
    """Images that note which sections are read."""

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.shape, self.read = images, images.shape, []  # type: ignore[var-annotated]

    def __getitem__(self, key: Any) -> np.ndarray:
        self.read.append(int(key[0]))
        return self.images[key]


@pytest.fixture
def beads() -> TiltSeries:
    """Dense beads in a slab, projected at 13 angles, with noise."""
    rng = np.random.default_rng(5)
    angles = np.linspace(-60, 60, N_TILTS)
    images = np.zeros((N_TILTS, 16, 32))
    y, x = np.mgrid[:16, :32].astype(float)
    for x0, y0, z0 in zip(
        rng.uniform(-14, 14, 8), rng.uniform(0, 16, 8), rng.uniform(-5, 5, 8), strict=True
    ):
        radians = np.deg2rad(angles)
        at = 15.5 + x0 * np.cos(radians) + z0 * np.sin(radians)
        distances = (x - at[:, None, None]) ** 2 + (y - y0) ** 2
        images -= np.exp(-distances / 8)
    images += rng.normal(0, 0.1, images.shape)
    return TiltSeries.from_array(images.astype(np.float32), angles, pixel_size=10.0, name="beads")


@pytest.fixture
def settings() -> AdaptationSettings:
    """A few quick steps."""
    return AdaptationSettings(
        minutes=LONG, thickness=16, device="cpu", learning_rate=5e-3, crop=32, targets=5, steps=12
    )


def test_kept_tilts_are_predicted_better_and_the_original_stays(
    beads: TiltSeries, small_network: LBN, settings: AdaptationSettings
) -> None:
    before = {k: v.clone() for k, v in small_network.state_dict().items()}
    events: list[Any] = []
    result = drain(adapt(beads, small_network, settings, fractions=(0.2, 0.6)), events.append)
    assert result.improved
    assert result.network is not small_network
    assert not result.network.training
    assert result.record["after"]["mse_between"] < result.record["before"]["mse_between"]
    assert result.record["after"]["mse_edges"] <= result.record["before"]["mse_edges"]
    assert result.record["steps"] == 12
    assert "instead of" in result.sentence
    assert all(torch.equal(small_network.state_dict()[k], v) for k, v in before.items())
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.2
    assert fractions[-1] == 0.6
    scored = [e for e in events if isinstance(e, AdaptationScored)]
    assert scored[0].step == 0
    assert not scored[0].best


def test_kept_tilts_are_read_once_and_excluded_ones_never(
    beads: TiltSeries, small_network: LBN, settings: AdaptationSettings
) -> None:
    series = replace(beads, images=Recorder(beads.images)).with_excluded({3})
    result = drain(adapt(series, small_network, replace(settings, steps=2)))
    kept = result.record["kept_from_training"]
    assert {kept[0], kept[-1]} == {-60.0, 60.0}
    for index, angle in enumerate(beads.angles):
        times = series.images.read.count(index)
        if index == 3:
            assert times == 0
        elif round(float(angle), 4) in kept:
            assert times == 1
        else:
            assert times > 2


def test_no_time_keeps_the_weights(
    beads: TiltSeries, small_network: LBN, settings: AdaptationSettings
) -> None:
    result = drain(adapt(beads, small_network, replace(settings, minutes=1e-9, steps=None)))
    assert result.network is small_network
    assert not result.improved
    assert result.record["steps"] == 0
    assert result.record["used"] is False
    assert "as they were" in result.sentence


def test_a_state_that_is_worse_is_not_used(
    beads: TiltSeries, small_network: LBN, settings: AdaptationSettings
) -> None:
    result = drain(adapt(beads, small_network, replace(settings, learning_rate=1e2, steps=2)))
    assert result.network is small_network
    assert result.record["after"] == result.record["before"]


def test_cancelled_at_the_next_step(
    beads: TiltSeries, small_network: LBN, settings: AdaptationSettings
) -> None:
    cancel = CancelToken()
    job = adapt(beads, small_network, settings, cancel=cancel)
    for event in job:
        if isinstance(event, Progress) and event.fraction > 0:
            cancel.set()
            break
    with pytest.raises(Cancelled):
        drain(job)


@given(st.integers(12, 130), st.integers(2, 12), st.data())
def test_kept_tilts_are_the_ends_and_some_between(n: int, every: int, data: st.DataObject) -> None:
    excluded = data.draw(st.sets(st.integers(0, n - 1), max_size=n - 12))
    series = TiltSeries.from_array(np.zeros((n, 2, 2)), np.linspace(-60, 60, n))
    series = series.with_excluded(excluded)
    training, held = choose_validation(series, every)
    included = [int(i) for i in series.included]
    assert held[0] == included[0]
    assert held[-1] == included[-1]
    assert len(held) >= 3
    assert set(held) | {int(i) for i in training.included} == set(included)
    assert training.included.size + len(held) == len(included)
    assert training.included.size >= len(included) / 2 - 2


def test_too_few_tilts(small_network: LBN, settings: AdaptationSettings) -> None:
    few = TiltSeries.from_array(np.zeros((11, 16, 16)), np.arange(11), name="few")
    with pytest.raises(InputError, match="few: 11 tilts are too few to adapt"):
        drain(adapt(few, small_network, settings))


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_times(minutes: float) -> None:
    with pytest.raises(InputError, match="minutes"):
        AdaptationSettings(minutes=minutes, thickness=10)


def test_precision_is_one_that_torch_knows() -> None:
    assert fastest_precision("cpu") in ("float32", "bfloat16")

"""What a training is said to cost, and how a given time is filled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError, WeightsError
from napari_lbn.engine.events import drain
from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.configuration import Configuration, read_configuration
from napari_lbn.engine.training.data import gather, make_network
from napari_lbn.engine.training.folder.files import LAST
from napari_lbn.engine.training.folder.run import fit
from napari_lbn.engine.training.folder.summary import (
    kept_weights,
    summarise,
    write_configuration,
)
from napari_lbn.engine.training.plan import (
    FEWEST_EPOCHS,
    MOST_EPOCHS,
    epochs_within,
    fit_to_time,
    keep_every,
    plan_training,
)
from napari_lbn.engine.training.preview import Preview


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    torch.manual_seed(0)
    network = LBN(
        LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8), updates=0, updates_after=0)
    )
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(path, network, name="small", pixel_sizes=(8.0, 20.0), summary={})
    chosen = read_configuration(
        "fine-tune",
        (
            "training.examples.crop=32",
            "training.examples.n_targets=3",
            "training.precision=float32",
            "run.steps_per_epoch=2",
            "run.epochs=4",
            "run.keep_every=2",
            "data.hold_out_every=4",
            "data.thickness=300",
        ),
    )
    data = replace(chosen.data, series=("TS",))
    return replace(chosen, start=str(path), data=data)


def make_series(size: int = 48, pixel_size: float | None = 10.0) -> TiltSeries:
    angles = np.arange(-60.0, 61, 12)
    images = np.random.default_rng(0).standard_normal((angles.size, 40, size)).astype(np.float32)
    return TiltSeries.from_array(images, angles, pixel_size=pixel_size, name="TS")


@given(
    seconds=st.floats(1, 1e6),
    step=st.floats(1e-3, 30),
    check=st.floats(0, 30),
)
def test_a_time_is_filled(seconds: float, step: float, check: float) -> None:
    epochs, steps = epochs_within(seconds, step, check)
    assert FEWEST_EPOCHS <= epochs <= MOST_EPOCHS
    assert steps >= 1
    if steps > 1:  # else not even the shortest training fits
        assert epochs * (steps * step + check) == pytest.approx(seconds, abs=epochs * step)


@given(epochs=st.integers(1, 100_000))
def test_a_long_training_keeps_few_weights(epochs: int) -> None:
    kept = epochs // keep_every(epochs)
    assert min(epochs, 10) <= kept <= 20


def test_plan_reads_no_image(configuration: Configuration) -> None:
    class Unreadable:
        shape = (11, 2000, 3000)
        dtype = np.float32

        def __getitem__(self, key: object) -> None:
            raise AssertionError("the plan must not read images")

    series = replace(make_series(), images=Unreadable())
    plan = plan_training(configuration, {"TS": series})
    assert (plan.epochs, plan.steps, plan.n_series, plan.held_out) == (4, 2, 1, 2)
    assert plan.seconds > 0
    assert plan.free_bytes > plan.memory_bytes > 0
    longer = plan_training(configuration, {"TS": series}, minutes=60)
    assert longer.seconds == pytest.approx(3600, rel=0.5)


@pytest.mark.parametrize(
    ("series", "error", "message"),
    [
        ({}, InputError, "no series"),
        ({"TS": make_series(pixel_size=None)}, InputError, "pixel size is unknown"),
        ({"TS": make_series(pixel_size=40.0)}, WeightsError, "coarser"),
        ({"TS": make_series().with_excluded(range(8))}, InputError, "cannot be held out"),
    ],
)
def test_what_cannot_be_planned_is_told(
    configuration: Configuration,
    series: dict[str, TiltSeries],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        plan_training(configuration, series)


def test_steps_are_timed_on_a_copy(configuration: Configuration) -> None:
    network, chosen = make_network(configuration)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    data = gather(chosen, {"TS": make_series()})
    data = replace(data, preview=Preview(data.hold_outs[0]))
    short, long = (fit_to_time(network, data, chosen, minutes).run for minutes in (1e-3, 1e3))
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert (short.epochs, short.steps_per_epoch) == (FEWEST_EPOCHS, 1)
    assert long.epochs == MOST_EPOCHS
    assert long.steps_per_epoch > 1
    assert long.keep_every == 20


def test_summary_tells_how_far_a_training_came(
    configuration: Configuration, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="holds no training"):
        summarise(tmp_path)
    write_configuration(tmp_path, configuration)
    begun = summarise(tmp_path)
    assert (begun.epoch, begun.resumable, begun.finished, begun.weights) == (0, False, False, ())
    assert begun.names == ("TS",)
    network, chosen = make_network(configuration)
    data = gather(chosen, {"TS": make_series()})
    drain(fit(network, data, chosen.training, chosen.run, tmp_path))
    done = summarise(tmp_path)
    assert (done.epoch, done.resumable, done.finished) == (4, False, True)
    (best,) = (w for w in done.weights if w.best)
    assert best.mse == min(w.mse for w in done.weights)
    assert {w.epoch for w in done.weights} == {2, 4, best.epoch}
    (tmp_path / LAST).unlink()
    assert not summarise(tmp_path).resumable
    (tmp_path / "log.csv").unlink()
    assert kept_weights(tmp_path) == ()

from __future__ import annotations

import signal
from functools import partial

import numpy as np
import pytest

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.simulation.dataset import write_training_set
from napari_lbn.engine.simulation.series import SimulationSettings
from napari_lbn.engine.simulation.series_files import load_series
from napari_lbn.engine.simulation.specimens.settings import INGREDIENTS, SpecimenSettings
from napari_lbn.engine.training import data
from napari_lbn.engine.training.configuration import Configuration, DataSettings
from napari_lbn.engine.training.data import noisy
from napari_lbn.engine.training.examples.draw import ExampleSettings, TrainingSeries, draw_example
from napari_lbn.engine.training.examples.stream import (
    SpecimenStream,
    StreamSettings,
    spare_processes,
)

SIMULATION = SimulationSettings(
    specimen=SpecimenSettings(
        field=(16, 16),
        views=2,
        thickness=(10.0, 10.0),
        max_angle=45.0,
        margin=2,
        **{**dict.fromkeys(INGREDIENTS, 0.0), "texture": 1.0},
    ),
    angles=(-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0),
)


def stream(**changes) -> SpecimenStream:
    return SpecimenStream(StreamSettings(simulation=SIMULATION, workers=0, **changes))


def drawn_names(source: SpecimenStream, count: int) -> list[str]:
    """Names of the series that `count` draws give, always of the newest."""
    names = []
    for _ in range(count):
        names.append(source[len(source) - 1].name)
        for pending in list(source._pending):
            pending.result()
    return names


def test_series_of_a_stream_are_those_of_a_folder_with_the_same_seeds(tmp_path):
    paths = list(write_training_set(tmp_path, 2, SIMULATION, seed0=7))
    with stream(first_seed=7) as source:
        series = source[0]
    stored = load_series(paths[0])
    expected = stored.clean - stored.clean.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(series.tilts, expected, atol=2e-3 * expected.std())
    np.testing.assert_array_equal(series.noise_profile, stored.profile)
    assert series.least_depth == stored.metadata["depth"]


def test_a_stream_grows_to_what_it_keeps_and_then_renews_itself():
    with stream(keep=4, uses=1, first_seed=3) as source:
        names = drawn_names(source, 12)
        assert len(source) == 4
    assert names[0] == "simulated 3.1"
    assert len(set(names)) > 3  # new specimens come as old ones are used


def test_series_that_are_seldom_drawn_are_seldom_renewed():
    with stream(keep=2, uses=1000) as source:
        names = drawn_names(source, 10)
    assert len(set(names[2:])) == 1


def test_other_series_stay_ahead_of_the_fresh_ones():
    real = TrainingSeries(tilts=np.zeros((3, 8, 8), np.float32), angles=np.arange(3.0), name="real")
    source = SpecimenStream(StreamSettings(simulation=SIMULATION, workers=0), [real])
    with source:
        assert source[0] is real


def test_a_closed_stream_keeps_what_it_has():
    source = stream(keep=2)
    first = source[0].name
    source.close()
    source.close()
    assert source[0].name == first


def test_examples_can_be_drawn_from_a_stream_of_another_process():
    settings = StreamSettings(simulation=SIMULATION, workers=1)
    with SpecimenStream(settings) as source:
        series = source[0]
    example = draw_example(series, ExampleSettings(crop=16), np.random.default_rng(0), noisy)
    assert example.visible.shape[2:] == (16, 16)
    assert np.isfinite(example.targets).all()


def test_closing_a_stream_ends_what_it_draws():
    source = SpecimenStream(StreamSettings(simulation=SIMULATION, workers=1))
    source._order()
    (worker,) = source._executor._processes.values()
    source.close()
    worker.join()
    assert worker.exitcode != 0  # at once, not when the specimen is drawn


def test_ctrl_c_is_for_the_training_alone():
    with SpecimenStream(StreamSettings(simulation=SIMULATION, workers=1)) as source:
        handler = source._executor.submit(signal.getsignal, signal.SIGINT).result()
    assert handler == signal.SIG_IGN


def test_a_configuration_asks_for_fresh_series_and_the_training_ends_them(monkeypatch):
    monkeypatch.setattr(data, "training_settings", lambda **_: SIMULATION)
    settings = DataSettings(fresh=3, fresh_workers=0)
    gathered = data.gather(Configuration(data=settings))
    assert isinstance(gathered.series, SpecimenStream)
    assert gathered.series[0].noise_profile is not None
    gathered.close()
    before = [series.name for series in gathered.series]
    assert [series.name for series in gathered.series] == before


def test_seeds_that_validate_do_not_train():
    with pytest.raises(InputError, match="none of those that train"):
        StreamSettings(first_seed=1_000_000)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
def test_processes_never_get_ctrl_c_while_they_start() -> None:
    ask = partial(signal.pthread_sigmask, signal.SIG_BLOCK, [])
    with spare_processes(2) as executor:
        assert len(executor._processes) == 2
        assert all(signal.SIGINT in executor.submit(ask).result() for _ in range(2))
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])

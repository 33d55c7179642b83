"""Two processes that share a training do what one does, and only the first one writes.

Run as a script by torchrun, this file is those processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import DeviceError, InputError
from napari_lbn.engine.events import Event, Progress, drain
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.data import TrainingData
from napari_lbn.engine.training.examples.draw import ExampleSettings
from napari_lbn.engine.training.folder.run import EpochFinished, RunSettings, TrainingResult, fit
from napari_lbn.engine.training.optimisation.state import TrainingState
from napari_lbn.engine.training.optimisation.trainer import prefetch
from napari_lbn.engine.training.optimisation.workers import ALONE, Workers, joined
from napari_lbn.engine.training.settings import CriticSettings, TrainingSettings
from napari_lbn.engine.training.validation import as_training_series, hold_out, split

TRAINING = TrainingSettings(
    precision="float32", warm_up=2, learning_rate=1e-3, ema=0.5, schedule="plateau", accumulate=4,
    plateau_patience=0, critic=CriticSettings(weight=0.1, channels=4),
    examples=ExampleSettings(crop=32, n_targets=6, depths=(32,)),
)  # fmt: skip
RUN = RunSettings(epochs=2, steps_per_epoch=2)


def no_noise(clean, snr, profile, rng):
    return clean


def make_data() -> TrainingData:
    """Two series, one with held-out tilts."""
    angles = np.arange(-60.0, 61, 12)
    series = []
    for seed in range(2):
        images = np.random.default_rng(seed).standard_normal((11, 40, 48)).astype(np.float32)
        series.append(TiltSeries.from_array(images, angles, pixel_size=10.0))
    seen, held = split(series[0], 4)
    return TrainingData(
        series=[as_training_series(seen, 32), as_training_series(series[1], 32)],
        add_noise=no_noise,
        hold_outs=[hold_out(seen, held, 32)],
        baselines={"nothing": lambda _, __, targets, ___: np.zeros((len(targets), 40, 48))},
    )


def make_network() -> LBN:
    torch.manual_seed(0)
    return LBN(LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8)))


def first_gradients() -> list[torch.Tensor]:
    """Of network and critic, after the examples of one step."""
    state = TrainingState(make_network(), TRAINING)
    data = make_data()
    state.step(prefetch(lambda: data.series, TRAINING, no_noise, workers=state.workers))
    assert state.adversary is not None
    parameters = (*state.network.parameters(), *state.adversary.critic.parameters())
    return [p.grad.clone() for p in parameters if p.grad is not None]


def train(folder: Path, *, resume: bool = False, stop_after: int | None = None) -> dict:
    """Losses, scores and the result of a training."""
    stop, events = threading.Event(), []

    def note(event: Event) -> None:
        events.append(event)
        steps = sum(isinstance(e, Progress) for e in events)
        if stop_after is not None and steps >= stop_after:
            stop.set()

    job = fit(make_network(), make_data(), TRAINING, RUN, folder, resume=resume, stop=stop)
    result: TrainingResult = drain(job, note)
    epochs = [e for e in events if isinstance(e, EpochFinished)]
    return {
        "losses": [[e.loss, e.critic] for e in epochs],
        "scores": [e.scores.mse for e in epochs if e.scores is not None],
        "step": result.step,
        "finished": result.finished,
    }


def be_a_worker(folder: Path) -> None:
    """What torchrun runs: results of this process go to its own file outside of the training."""
    written: list[str] = []

    def note(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str):
            writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and str(folder / "run") in arguments[0]:
                written.append(arguments[0])

    with joined() as workers:
        gradients = first_gradients()
        sys.addaudithook(note)
        result = train(folder / "run")
        # only the second process is told to stop
        stopped = train(folder / "stopped", stop_after=3 if workers.rank == 1 else None)
        torch.save(gradients, folder / f"gradients_{workers.rank}.pt")
        values = {"written": written, "result": result, "stopped": stopped}
        (folder / f"result_{workers.rank}.json").write_text(json.dumps(values))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, __file__, str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def results(folder: Path) -> list[dict]:
    return [json.loads((folder / f"result_{rank}.json").read_text()) for rank in (0, 1)]


def test_gradients_are_those_of_one_process(two: Path) -> None:
    alone = first_gradients()
    for rank in (0, 1):
        shared = torch.load(two / f"gradients_{rank}.pt", weights_only=True)
        assert len(shared) == len(alone)
        for one, other in zip(alone, shared, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


def test_losses_are_those_of_one_process(two: Path, tmp_path: Path) -> None:
    alone = train(tmp_path / "run")
    for one in results(two):
        np.testing.assert_allclose(one["result"]["losses"], alone["losses"], rtol=1e-3)
        np.testing.assert_allclose(one["result"]["scores"], alone["scores"], rtol=1e-3)
        assert one["result"]["finished"]


def test_only_the_first_process_writes(two: Path) -> None:
    first, second = (one["written"] for one in results(two))
    assert first
    assert second == []
    names = {path.name for path in (two / "run").iterdir()}
    assert names == {"last.safetensors", "best.safetensors", "log.csv", "baselines.json"}


def test_one_process_that_is_told_to_stop_stops_both(two: Path) -> None:
    for one in results(two):
        assert one["stopped"]["step"] == 3
        assert not one["stopped"]["finished"]


def test_one_process_goes_on_where_two_stopped(two: Path) -> None:
    resumed = train(two / "stopped", resume=True)
    whole = results(two)[0]["result"]
    assert resumed["finished"]
    np.testing.assert_allclose(resumed["losses"][-1], whole["losses"][-1], rtol=1e-3)


def test_examples_are_shared_without_overlap() -> None:
    data = make_data()

    def first(workers: Workers, count: int) -> list[np.ndarray]:
        stream = prefetch(lambda: data.series, TRAINING, no_noise, workers=workers)
        return [next(stream).visible for _ in range(count)]

    alone = first(ALONE, 6)
    for rank in range(3):
        own = first(Workers(rank=rank, count=3), 2)
        np.testing.assert_array_equal(own[0], alone[rank])
        np.testing.assert_array_equal(own[1], alone[rank + 3])


def test_a_step_that_cannot_be_shared_is_refused() -> None:
    assert Workers(rank=1, count=2).share(4) == 2
    with pytest.raises(InputError, match="accumulate to 4") as caught:
        Workers(rank=0, count=2).share(3)
    assert "3 examples cannot be shared by 2 processes" in caught.value.message


def test_each_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(DeviceError, match="no GPU of its own"):
        Workers(rank=1, count=2).device("auto")
    assert Workers(rank=1, count=2).device("cpu").type == "cpu"


if __name__ == "__main__":
    torch.set_num_threads(1)
    be_a_worker(Path(sys.argv[1]))

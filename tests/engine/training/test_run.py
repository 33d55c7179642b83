"""Whole trainings: resumed to the bit, killed for real, out of disk, out of numbers."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from napari_lbn.engine.errors import InputError, OutputError, WeightsError
from napari_lbn.engine.events import Event, drain
from napari_lbn.engine.io.weights.file import load_network
from napari_lbn.engine.io.weights.info import read_weights_info
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.examples.draw import ExampleSettings
from napari_lbn.engine.training.folder.checkpoint import read_values
from napari_lbn.engine.training.folder.log import read_baselines, read_log
from napari_lbn.engine.training.folder.run import (
    BaselinesReady,
    EpochFinished,
    RunSettings,
    TrainingData,
    TrainingResult,
    fit,
)
from napari_lbn.engine.training.optimisation.state import TrainingDivergedError
from napari_lbn.engine.training.settings import CriticSettings, TrainingSettings
from napari_lbn.engine.training.validation import as_training_series, hold_out, split

TRAINING = TrainingSettings(
    precision="float32", warm_up=2, learning_rate=2e-3, ema=0.5, schedule="plateau",
    plateau_patience=0, critic=CriticSettings(weight=0.1, channels=4),
    examples=ExampleSettings(crop=32, n_targets=3, depths=(32,)),
)  # fmt: skip
RUN = RunSettings(epochs=3, steps_per_epoch=2)


def no_noise(clean, snr, profile, rng):
    return clean


def make_data() -> TrainingData:
    rng = np.random.default_rng(0)
    angles = np.arange(-60.0, 61, 12)
    images = rng.standard_normal((11, 40, 48)).astype(np.float32)
    series = TiltSeries.from_array(images, angles, pixel_size=10.0)
    seen, held = split(series, 4)
    middle = len(seen.included) // 2

    def copy(visible, visible_angles, targets, thickness):
        return np.repeat(visible[middle : middle + 1], len(targets), axis=0)

    return TrainingData(
        series=[as_training_series(seen, 32)],
        add_noise=no_noise,
        hold_outs=[hold_out(seen, held, 32)],
        baselines={"middle tilt": copy},
    )


def make_network() -> LBN:
    torch.manual_seed(0)
    return LBN(LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8)))


def run(
    folder: Path,
    *,
    stop_after: int | None = None,
    training: TrainingSettings = TRAINING,
    **more,
) -> TrainingResult:
    stop = threading.Event()
    events: list[Event] = []

    def count(event: Event) -> None:
        events.append(event)
        if stop_after is not None and len(events) > stop_after:
            stop.set()

    job = fit(make_network(), make_data(), training, RUN, folder, stop=stop, **more)
    return drain(job, count)


def same_files(a: Path, b: Path) -> bool:
    from safetensors.torch import load_file

    one, two = load_file(a), load_file(b)
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder).finished
    return folder


def test_a_training_leaves_what_it_says(whole: Path) -> None:
    rows = read_log(whole)
    assert [int(r["epoch"]) for r in rows] == [1, 2, 3]
    assert [int(r["step"]) for r in rows] == [2, 4, 6]
    assert set(read_baselines(whole)) == {"middle tilt"}
    network = load_network(read_weights_info(whole / "best.safetensors"))
    assert network.config.widths == (4, 8, 8, 8, 8)
    assert not list(whole.glob(".*"))


@pytest.mark.parametrize("stop_after", [2, 5])
def test_resume_gives_the_same_weights_to_the_bit(
    whole: Path, tmp_path: Path, stop_after: int
) -> None:
    stopped = run(tmp_path, stop_after=stop_after)
    assert not stopped.finished
    assert 0 < stopped.step < 6
    torch.manual_seed(99)
    assert run(tmp_path, resume=True).finished
    assert same_files(tmp_path / "last.safetensors", whole / "last.safetensors")
    assert same_files(tmp_path / "best.safetensors", whole / "best.safetensors")
    kept = [[{k: v for k, v in r.items() if k != "seconds"} for r in read_log(f)]
            for f in (tmp_path, whole)]  # fmt: skip
    assert kept[0] == kept[1]


def test_half_precision_resumes_to_the_bit_too(whole: Path, tmp_path: Path) -> None:
    half = replace(TRAINING, precision="bfloat16", recompute=2)
    run(tmp_path / "whole", training=half)
    assert not run(tmp_path / "cut", stop_after=4, training=half).finished
    torch.manual_seed(99)
    assert run(tmp_path / "cut", resume=True, training=half).finished
    for name in ("last.safetensors", "best.safetensors"):
        assert same_files(tmp_path / "cut" / name, tmp_path / "whole" / name)
    assert not same_files(tmp_path / "whole" / "last.safetensors", whole / "last.safetensors")


def test_killed_for_real_and_resumed(whole: Path, tmp_path: Path) -> None:
    script = (
        "import importlib.util, sys, pathlib, torch\n"
        "torch.set_num_threads(1)\n"
        f"spec = importlib.util.spec_from_file_location('t', {str(Path(__file__))!r})\n"
        "t = importlib.util.module_from_spec(spec); sys.modules['t'] = t\n"
        "spec.loader.exec_module(t)\n"
        f"t.run(pathlib.Path({str(tmp_path)!r}))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ})
    deadline = time.monotonic() + 120
    while not (tmp_path / "last.safetensors").exists() and time.monotonic() < deadline:
        assert process.poll() in (None, 0)
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert read_values(tmp_path / "last.safetensors")["step"] >= 2
    run(tmp_path, resume=True)
    assert same_files(tmp_path / "last.safetensors", whole / "last.safetensors")


def test_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    run(tmp_path, stop_after=4)
    before = (tmp_path / "last.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            run(tmp_path, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "last.safetensors").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
    assert run(tmp_path, resume=True).finished


def test_no_number_names_the_checkpoint_and_keeps_it(tmp_path: Path) -> None:
    run(tmp_path, stop_after=4)
    before = (tmp_path / "last.safetensors").read_bytes()
    data = make_data()
    broken = replace(data.series[0], tilts=np.full((9, 40, 48), np.inf), noise_profile=np.ones(9))
    job = fit(make_network(), replace(data, series=[broken]), TRAINING, RUN, tmp_path, resume=True)
    with (
        pytest.raises(TrainingDivergedError, match=r"last good checkpoint.*last\.safetensors"),
        np.errstate(all="ignore"),
    ):
        drain(job)
    assert (tmp_path / "last.safetensors").read_bytes() == before


def test_baselines_and_epochs_are_told(tmp_path: Path) -> None:
    events: list[Event] = []
    settings = replace(TRAINING, critic=CriticSettings(), schedule="cosine")
    drain(fit(make_network(), make_data(), settings, RUN, tmp_path), events.append)
    (baselines,) = (e for e in events if isinstance(e, BaselinesReady))
    epochs = [e for e in events if isinstance(e, EpochFinished)]
    # independent noise: nothing predicts it, and a copy of another tilt has twice its variance
    assert baselines.scores["middle tilt"].mse == pytest.approx(2.0, abs=0.15)
    assert epochs[0].best
    assert all(e.scores is not None and len(e.scores.correlations) == 3 for e in epochs)


def test_refusals(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(InputError, match="holds a training already"):
        run(whole)
    with pytest.raises(InputError, match="no checkpoint"):
        run(tmp_path, resume=True)
    data = replace(make_data(), hold_outs=())
    with pytest.raises(InputError, match="plateau"):
        drain(fit(make_network(), data, TRAINING, RUN, tmp_path))


def test_one_training_at_a_time_works_in_a_folder(whole: Path, tmp_path: Path) -> None:
    first = fit(make_network(), make_data(), TRAINING, RUN, tmp_path)
    next(first)
    with pytest.raises(InputError, match="works in"):
        run(tmp_path)
    drain(first)  # is none the worse for it
    assert same_files(tmp_path / "last.safetensors", whole / "last.safetensors")
    assert not list(tmp_path.glob(".*"))


def test_a_checkpoint_of_another_network_is_refused(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "last.safetensors").write_bytes((whole / "last.safetensors").read_bytes())
    other = LBN(LBNConfig(widths=(4, 8, 8, 8, 16), unet_widths=(8, 8, 8, 8)))
    with pytest.raises(WeightsError, match="does not fit"):
        drain(fit(other, make_data(), TRAINING, RUN, tmp_path, resume=True))


def test_a_damaged_checkpoint_is_told(whole: Path, tmp_path: Path) -> None:
    content = (whole / "last.safetensors").read_bytes()
    (tmp_path / "last.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        run(tmp_path, resume=True)


def test_a_checkpoint_without_numbers_is_told(whole: Path, tmp_path: Path) -> None:
    with safe_open(whole / "last.safetensors", framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    name = next(key for key in tensors if key.startswith("network."))
    tensors[name].view(-1)[0] = float("nan")
    save_file(tensors, tmp_path / "last.safetensors", metadata=metadata)
    with pytest.raises(WeightsError, match=r"no numbers.*best\.safetensors"):
        run(tmp_path, resume=True)


def test_weights_of_chosen_epochs_are_kept(tmp_path: Path) -> None:
    chosen = replace(RUN, keep_every=2)
    drain(fit(make_network(), make_data(), TRAINING, chosen, tmp_path))
    assert [p.name for p in tmp_path.glob("epoch_*")] == ["epoch_0002.safetensors"]
    info = read_weights_info(tmp_path / "epoch_0002.safetensors")
    assert info.summary["training"]["epoch"] == 2


def test_tensorboard_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    job = fit(make_network(), make_data(), TRAINING, replace(RUN, tensorboard=True), tmp_path)
    with pytest.raises(InputError, match="TensorBoard is not installed"):
        drain(job)

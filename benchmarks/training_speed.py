"""Steps a second and peak memory of a training, beside what was estimated before it.

    python benchmarks/training_speed.py [--configurations default,paper] [--size 256] [--tilts 41]
        [--steps 5] [--threads 2] [--device auto]

Each configuration trains a few steps in a process of its own, on a random series of SIZE x SIZE
pixels. Time is that of the clock and, summed over threads, of the CPU, which other work on the
machine disturbs less. Memory is the largest resident set of that process, and on a GPU also
what torch had allocated there. The configuration `paper` takes whole tilts, so its figures grow
with the size.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from napari_lbn.engine.device import describe_device
from napari_lbn.engine.training.configuration import read_configuration
from napari_lbn.engine.training.cost import estimate_training
from napari_lbn.engine.training.data import make_network, noisy
from napari_lbn.engine.training.examples.draw import TrainingSeries
from napari_lbn.engine.training.optimisation.state import TrainingState
from napari_lbn.engine.training.optimisation.trainer import prefetch

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the system's unit of resident memory."""


def measure(name: str, given: argparse.Namespace) -> dict:
    """Train a few steps with a configuration in this process."""
    torch.set_num_threads(given.threads)
    configuration = read_configuration(name, tuple(given.set))
    settings = replace(configuration.training, device=given.device, steps=given.steps)
    rng = np.random.default_rng(0)
    tilts = rng.standard_normal((given.tilts, given.size, given.size)).astype(np.float32)
    angles = np.linspace(-60, 60, given.tilts)
    series = [TrainingSeries(tilts=tilts, angles=angles, thickness=given.size // 4)]
    cost = estimate_training(configuration.network, series, settings)
    network, _ = make_network(configuration)
    state = TrainingState(network, settings)
    examples = prefetch(lambda: series, settings, noisy)
    state.step(examples)  # sets up memory and kernels
    started, busy = time.perf_counter(), time.process_time()
    for _ in range(given.steps):
        state.step(examples)  # reads its loss, so the device has finished
    seconds = (time.perf_counter() - started) / given.steps
    on_gpu = state.device.type == "cuda"
    return {
        "device": describe_device(state.device),
        "seconds": seconds,
        "cpu_seconds": (time.process_time() - busy) / given.steps,
        "estimated_seconds": cost.seconds_per_step,
        "host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT,
        "gpu": torch.cuda.max_memory_allocated(state.device) if on_gpu else None,
        "estimated": cost.memory_bytes,
    }


def print_row(name: str, found: dict) -> None:
    """One line of the table."""
    gpu = "" if found["gpu"] is None else f"{found['gpu'] / 1e9:.2f}"
    print(
        f"{name:<16}{1 / found['seconds']:>9.3f}{1 / found['estimated_seconds']:>11.3f}"
        f"{found['cpu_seconds']:>9.2f}"
        f"{found['host'] / 1e9:>9.2f}{gpu:>8}{found['estimated'] / 1e9:>11.2f}  {found['device']}",
        flush=True,
    )


def main() -> None:
    """Measure each configuration in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configurations", default="default,paper")
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--tilts", type=int, default=41)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.only, given)))
        return
    columns = (
        f"{'steps/s':>9}{'estimated':>11}{'CPU s':>9}{'RSS GB':>9}{'GPU GB':>8}{'estimated':>11}"
    )
    print(f"{given.tilts} tilts of {given.size} x {given.size}\n{'configuration':<16}{columns}")
    for name in given.configurations.split(","):
        command = [sys.executable, str(Path(__file__)), *sys.argv[1:], "--only", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"{name:<16} ended with exit code {done.returncode}; -9 is out of memory")
        else:
            print_row(name, json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()

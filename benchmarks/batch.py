"""A batch of small series on this machine: equality, a bad input, a kill, and throughput.

    python benchmarks/batch.py [--series 20] [--weights base] [--part equality|throughput]
        [--workers 1 2]

Crops of the built-in simulated cell with noise of their own, one of them damaged, are corrected
on a local Dask cluster of two workers that is killed after a third of them and started again,
and compared with single runs. Throughput is measured with one and with two workers, by the clock
and by the processor time that all their processes took, which other work on the machine does not
change.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_lbn.engine.io import write_stack, write_tilt_angles
from napari_lbn.engine.simulation import sample_series

RESULTS = ("_lbn.mrc", "_wbp.mrc", "_wbp_lbn.mrc")


def make_series(folder: Path, count: int) -> list[Path]:
    """Crops of 64 × 96 pixels; the last one lacks its angles."""
    sample, _ = sample_series()
    tilts = sample.read()
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        y, x = rng.integers(0, 192 - 64), rng.integers(0, 256 - 96)
        crop = tilts[:, y : y + 64, x : x + 96]
        noisy = rng.poisson(np.clip(crop, 0, None)).astype(np.float32)
        path = write_stack(folder / f"TS_{number:03d}.mrc", noisy, pixel_size=10.0)
        write_tilt_angles(path.with_suffix(".tlt"), sample.angles)
        paths.append(path)
    paths[-1].with_suffix(".tlt").write_text("0\n")
    return paths


def command(paths: list[Path], out: Path, *more: str) -> list[str]:
    """The command line of a batch."""
    start = [sys.executable, "-m", "napari_lbn", "batch", *map(str, paths), "--out", str(out)]
    return [*start, "--thickness", "32", "--no-check", *more]


def done(out: Path) -> int:
    """Series that are finished."""
    return len(list(out.glob("*/*_batch.json")))


def killed_and_resumed(paths: list[Path], out: Path, more: list[str]) -> tuple[int, int]:
    """Series done when the batch was killed, and in the end."""
    process = subprocess.Popen(
        command(paths, out, *more), stderr=subprocess.DEVNULL, start_new_session=True
    )
    while done(out) < len(paths) // 3:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = done(out)
    subprocess.run(command(paths, out, *more), stderr=subprocess.DEVNULL, check=False)
    return before, done(out)


def timed(paths: list[Path], out: Path, more: list[str]) -> tuple[float, float]:
    """Seconds of a whole batch: by the clock, and of processor time of all its processes."""
    began, used = time.monotonic(), processor_seconds()
    subprocess.run(command(paths, out, *more), stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - began, processor_seconds() - used


def processor_seconds() -> float:
    """Of all processes that were started from here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


SINGLE_RUNS = """
import sys
from typer.testing import CliRunner
from napari_lbn.cli.app import app
out, weights, *paths = sys.argv[1:]
for path in paths:
    words = ["correct", path, "--out", out, "--thickness", "32", "--weights", weights]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
"""
"""One command after the other, in one process that loads torch once."""


def equal_to_single_runs(paths: list[Path], out: Path, single: Path, weights: str) -> int:
    """Series whose every result has the bytes of a run of its own."""
    whole = paths[:-1]
    run = [sys.executable, "-c", SINGLE_RUNS, str(single), weights, *map(str, whole)]
    subprocess.run(run, check=True)
    same = 0
    for path in whole:
        files = [f"{path.stem}{ending}" for ending in RESULTS]
        same += all((out / path.stem / f).read_bytes() == (single / f).read_bytes() for f in files)
    return same


def measure_equality(folder: Path, paths: list[Path], weights: str) -> None:
    """Kill a batch, start it again, and compare what it gives with single runs."""
    first = folder / "killed"
    two = ["--dask", "local", "--jobs", "2", "--weights", weights]
    before, after = killed_and_resumed(paths, first, two)
    records = json.loads((first / "batch_summary.json").read_text())["series"]
    failed = [record for record in records if record["status"] != "done"]
    print(f"killed after {before} of {len(paths)}; resumed: {after} done", flush=True)
    print(f"failed: {[(record['name'], record['message'][:60]) for record in failed]}")
    same = equal_to_single_runs(paths, first, folder / "single", weights)
    print(f"equal to single runs, to the byte: {same} of {len(paths) - 1}", flush=True)


def measure_throughput(folder: Path, paths: list[Path], weights: str, workers: list[str]) -> None:
    """Time the whole batch with each number of workers."""
    for jobs in workers:
        more = ["--dask", "local", "--jobs", jobs, "--weights", weights]
        seconds, processor = timed(paths, folder / f"jobs{jobs}", more)
        rate = 3600 * len(paths) / seconds
        print(
            f"{jobs} workers: {seconds:.0f} s by the clock, {rate:.0f} series/h; "
            f"{processor:.0f} s of processor time, {processor / len(paths):.1f} s a series",
            flush=True,
        )


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=20)
    parser.add_argument("--weights", default="base")
    parser.add_argument("--part", choices=["equality", "throughput"], help="Default: both.")
    parser.add_argument("--workers", nargs="+", default=["1", "2"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        paths = make_series(folder / "in", options.series)
        if options.part != "throughput":
            measure_equality(folder, paths, options.weights)
        if options.part != "equality":
            measure_throughput(folder, paths, options.weights, options.workers)


if __name__ == "__main__":
    main()

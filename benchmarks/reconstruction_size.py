"""Reconstruction: time against size, and a run at full width and thickness.

    python benchmarks/reconstruction_size.py scaling
    python benchmarks/reconstruction_size.py full --folder DIR [--rows 128] [--memory 4] [--zarr]

``scaling``: processor time against tilts, width, thickness and rows, each doubled. ``full``: 41
tilts, 4096 wide, 1200 thick, over a range of y, through the command line into an int16 file, MRC
or with ``--zarr`` OME-Zarr; killed half way, resumed, and compared with a run at once; time, peak
memory, and what all 4096 rows would take, by extrapolation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_lbn.engine.events import drain
from napari_lbn.engine.reconstruction import (
    SIRTSettings,
    TiltSource,
    WBPSettings,
    reconstruct_source,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def scaling() -> None:
    """Processor seconds of WBP and of SIRT against each size, doubled one after the other."""
    base = {"tilts": 21, "width": 256, "thickness": 128, "rows": 128}
    doubled = {key: {**base, key: 2 * base[key]} for key in base}
    cases = {"": base, **doubled, "all": {key: 2 * size for key, size in base.items()}}
    timed(base)  # warms up
    print(f"{'':<42}{'WBP s':>9}{'SIRT 5 s':>10}{'10^9 updates/s':>16}{'SIRT':>8}")
    found = {}
    for name, case in cases.items():
        seconds = found[name] = timed(case)
        updates = np.prod(list(case.values())) / 1e9
        speed = updates / seconds[0], 10 * updates / seconds[1]
        text = " ".join(f"{key} {value}" for key, value in case.items())
        print(f"{text:<42}{seconds[0]:>9.2f}{seconds[1]:>10.2f}{speed[0]:>16.2f}{speed[1]:>8.2f}")
    print(f"\n{'time against size, linear: 2':<42}{'WBP':>9}{'SIRT':>10}")
    for name in doubled:
        ratios = [found[name][i] / found[""][i] for i in (0, 1)]
        print(f"{'twice the ' + name:<42}{ratios[0]:>9.2f}{ratios[1]:>10.2f}")


def timed(case: dict[str, int]) -> tuple[float, float]:
    """Processor seconds of WBP and of five iterations of SIRT; the better of two rounds."""
    shape = case["tilts"], case["rows"], case["width"]
    tilts = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    source = TiltSource(
        read_rows=lambda rows: tilts[:, rows],
        angles=np.linspace(-60, 60, case["tilts"]),
        shape_yx=tilts.shape[1:],
    )
    best = []
    for settings in (
        WBPSettings(thickness=case["thickness"]),
        SIRTSettings(thickness=case["thickness"], iterations=5, beyond="nothing"),
    ):
        rounds = []
        for _ in range(2):
            start = time.process_time()
            drain(reconstruct_source(source, settings))
            rounds.append(time.process_time() - start)
        best.append(min(rounds))
    return best[0], best[1]


def write_series(path: Path, rows: int, width: int, n_tilts: int = 41) -> None:
    """A stack of noise with a slow wave, tilt after tilt, and its .tlt."""
    import mrcfile

    shape = (n_tilts, rows, width)
    with mrcfile.new_mmap(path, shape=shape, mrc_mode=2, overwrite=True) as file:
        rng = np.random.default_rng(0)
        for tilt in file.data:
            tilt[:] = rng.normal(100, 5, tilt.shape) + 5 * np.sin(np.arange(width) / 50)
        file.voxel_size = 2.0
        file.set_image_stack()
    angles = np.linspace(-60, 60, n_tilts)
    path.with_suffix(".tlt").write_text("".join(f"{angle:.2f}\n" for angle in angles))


def full(options: argparse.Namespace) -> None:
    """Full width and thickness over a range of y, killed half way and resumed."""
    folder, rows, memory = options.folder, options.rows, options.memory
    width, thickness = options.width, options.thickness
    folder.mkdir(parents=True, exist_ok=True)
    stack = folder / "full.mrc"
    out = folder / ("tomogram.ome.zarr" if options.zarr else "tomogram.mrc")
    remove(out)
    write_series(stack, rows, width)
    command = [sys.executable, "-m", "napari_lbn", "reconstruct", str(stack), "--out", str(out)]
    command += ["--thickness", str(thickness), "--memory", str(memory)]
    command += ["--samples", "int16", "--resume"]
    print(f"41 x {rows} x {width}, thickness {thickness}, {memory:g} GB allowed")
    first = run_watched(command, kill_when=lambda: len(journal_lines(folder, out)) >= 2)
    kept = kept_rows(folder, out)
    print(f"killed after {first.times}; finished slabs kept: {len(kept)}, of ", end="")
    print(f"{sum(kept)} rows; no {out.name}: {not out.exists()}")
    second = run_watched(command)
    files = [file for file in (out, *out.rglob("*")) if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e9
    print(f"resumed: {second.times}, exit code {second.code}, {size:.2f} GB written")
    left = sorted(p.name for p in folder.iterdir())
    print(f"peak memory {max(first.peak, second.peak) / 1e9:.2f} GB; ", end="")
    print(f"in the folder: {', '.join(left)}")
    resumed = digest(out)
    remove(out)
    whole = run_watched([part for part in command if part != "--resume"])
    speed = 41 * rows * width * thickness / 1e9 / whole.processor
    print(f"at once: {whole.times}, {speed:.2f} x 10^9 updates a second of the processor, ", end="")
    print(f"peak memory {whole.peak / 1e9:.2f} GB")
    print(f"the resumed file is that of the run at once, to the byte: {resumed == digest(out)}")
    minutes = whole.processor * 4096 / rows / 60
    print(f"extrapolated to 4096 rows, linear in rows: {minutes:.0f} minutes of the processor")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Of the bytes of a file, or of the names and bytes of all files in a folder."""
    found = hashlib.sha256()
    for file in sorted(p for p in (path, *path.rglob("*")) if p.is_file()):
        found.update(str(file.relative_to(path)).encode())
        with file.open("rb") as content:
            while piece := content.read(1 << 24):
                found.update(piece)
    return found.hexdigest()


def journal_lines(folder: Path, out: Path) -> list[str]:
    """Lines of the journal of an unfinished tomogram; the first is its key."""
    journal = folder / f".{out.name}.journal"
    return journal.read_text().splitlines() if journal.exists() else []


def kept_rows(folder: Path, out: Path) -> list[int]:
    """Rows of each finished slab of an unfinished tomogram."""
    ranges = [json.loads(line)["rows"] for line in journal_lines(folder, out)[1:]]
    return [stop - start for start, stop in ranges]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a command took: seconds on the clock and of the processor, bytes, its exit code."""

    clock: float
    processor: float
    peak: int
    code: int

    @property
    def times(self) -> str:
        """For people."""
        return f"{self.clock:.0f} s ({self.processor:.0f} s of the processor)"


def run_watched(command: list[str], kill_when: Callable[[], bool] | None = None) -> Run:
    """Run a command; killed outright when asked for."""
    import psutil

    start, peak, used = time.perf_counter(), 0, os.times()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                # Pages of mapped files are the system's cache, not the program's memory.
                state = watched.memory_info()
                peak = max(peak, state.rss - getattr(state, "shared", 0))
            except psutil.NoSuchProcess:
                break
            if kill_when is not None and kill_when():
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.05)
    now = os.times()
    processor = now.children_user + now.children_system
    processor -= used.children_user + used.children_system
    clock = time.perf_counter() - start
    return Run(clock=clock, processor=processor, peak=peak, code=process.returncode)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("scaling", "full"))
    parser.add_argument("--folder", type=Path, default=Path("full_size_run"))
    for name, value in (("rows", 128), ("width", 4096), ("thickness", 1200)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--memory", type=float, default=4.0, help="GB")
    parser.add_argument("--zarr", action="store_true", help="OME-Zarr instead of MRC")
    options = parser.parse_args()
    if options.what == "scaling":
        scaling()
    else:
        full(options)


if __name__ == "__main__":
    main()

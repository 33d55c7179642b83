"""Every reconstruction method: accuracy, time against size, and a run at full size.

    python benchmarks/reconstruction.py accuracy [--size 129]
    python benchmarks/reconstruction.py scaling
    python benchmarks/reconstruction.py full --folder DIR [--rows 128] [--memory 4] [--zarr]

``accuracy``: analytic projections of ellipsoids, reconstructed by our methods and, on the
same data, by ASTRA's and scikit-image's where installed; peers are tried in every mirrored
orientation and the best one counts. ``scaling``: processor time against tilts, width,
thickness and rows, each doubled. ``full``: 41 tilts, 4096 wide, 1200 thick, over a range of
y, through the command line into an int16 file, MRC or with ``--zarr`` OME-Zarr; killed half
way and resumed; time, peak memory, and what all 4096 rows would take, by extrapolation.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_lbn.engine.events import SlabReady, drain
from napari_lbn.engine.reconstruction import (
    MethodSettings,
    SIRTSettings,
    TiltSource,
    TVSettings,
    WBPSettings,
    reconstruct_source,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ELLIPSES = [
    # density, centre (z, x), semi-axes (z, x), all but density as shares of the half width
    (1.0, (0.0, 0.0), (0.62, 0.75)),
    (-0.4, (0.15, -0.25), (0.18, 0.25)),
    (0.5, (-0.2, 0.3), (0.12, 0.1)),
    (0.3, (0.25, 0.25), (0.08, 0.2)),
]
RANGES = {"full half circle, 1°": np.arange(-89.0, 91.0), "±60°, 3°": np.arange(-60.0, 61.0, 3)}
ITERATIONS = 50
SUPERSAMPLING = 8


def phantom(size: int) -> np.ndarray:
    """Density ``(z, x)``, each pixel averaged over 8 x 8 points."""
    fine = (np.arange(size * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - size / 2
    z, x = np.meshgrid(fine, fine, indexing="ij")
    total = np.zeros_like(z)
    for density, (cz, cx), (az, ax) in ELLIPSES:
        half = size / 2
        inside = ((z - cz * half) / (az * half)) ** 2 + ((x - cx * half) / (ax * half)) ** 2 < 1
        total += density * inside
    return total.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING).mean((1, 3))


def projections(size: int, angles: np.ndarray) -> np.ndarray:
    """Analytic line integrals ``(n, x)`` at pixel centres."""
    theta, q = np.deg2rad(angles)[:, None], np.arange(size) - (size - 1) / 2
    total = np.zeros((len(angles), size))
    for density, centre, axes in ELLIPSES:
        cz, cx, az, ax = (value * size / 2 for value in (*centre, *axes))
        reach = (ax * np.cos(theta)) ** 2 + (az * np.sin(theta)) ** 2
        s = q - cx * np.cos(theta) - cz * np.sin(theta)
        total += 2 * density * ax * az * np.sqrt(np.clip(reach - s**2, 0, None)) / reach
    return total


def our_methods(size: int) -> dict[str, MethodSettings]:
    """Settings by name."""
    names = ("ramp", "shepp-logan", "cosine", "hamming", "sirt-like", "exact")
    found: dict[str, MethodSettings] = {
        f"WBP, {name}": WBPSettings(thickness=size, filter=name, sirt_iterations=ITERATIONS)
        for name in names
    }
    for non_negative in (False, True):
        note = ", non-negative" if non_negative else ""
        found[f"SIRT {ITERATIONS}{note}"] = SIRTSettings(
            thickness=size, iterations=ITERATIONS, beyond="nothing", non_negative=non_negative
        )
    found["TV 200"] = TVSettings(thickness=size, iterations=200, strength=0.03, beyond="nothing")
    return found


def run_ours(tilts: np.ndarray, angles: np.ndarray, settings: MethodSettings) -> np.ndarray:
    """A plane ``(z, x)``."""
    images = tilts[:, None].astype(np.float32)
    source = TiltSource(
        read_rows=lambda rows: images[:, rows], angles=angles, shape_yx=images.shape[1:]
    )
    slabs: list[np.ndarray] = []

    def keep(event: object) -> None:
        if isinstance(event, SlabReady):
            slabs.append(event.slab)

    drain(reconstruct_source(source, settings), keep)
    return slabs[0][:, 0]


def astra_methods(tilts: np.ndarray, angles: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """ASTRA's CPU algorithms."""
    if importlib.util.find_spec("astra") is None:
        return {}
    import astra

    size = tilts.shape[1]
    volume = astra.create_vol_geom(size, size)
    detector = astra.create_proj_geom("parallel", 1.0, size, np.deg2rad(angles))

    def run(algorithm: str, kind: str, iterations: int) -> np.ndarray:
        sinogram = astra.data2d.create("-sino", detector, tilts)
        result = astra.data2d.create("-vol", volume)
        configuration = astra.astra_dict(algorithm)
        configuration["ProjectorId"] = astra.create_projector(kind, detector, volume)
        configuration["ProjectionDataId"] = sinogram
        configuration["ReconstructionDataId"] = result
        identity = astra.algorithm.create(configuration)
        astra.algorithm.run(identity, iterations)
        found = astra.data2d.get(result).copy()
        astra.algorithm.delete(identity)
        astra.data2d.delete([sinogram, result])
        return found

    found = {}
    for kind in ("linear", "strip"):
        found[f"ASTRA FBP, {kind}"] = lambda kind=kind: run("FBP", kind, 1)
        found[f"ASTRA SIRT {ITERATIONS}, {kind}"] = lambda kind=kind: run("SIRT", kind, ITERATIONS)
    return found


def skimage_methods(tilts: np.ndarray, angles: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """scikit-image's `iradon` and one round of SART."""
    if importlib.util.find_spec("skimage") is None:
        return {}
    from skimage.transform import iradon, iradon_sart

    sinogram = np.ascontiguousarray(tilts.T)
    found = {
        f"scikit-image iradon, {name}": lambda name=name: iradon(
            sinogram, angles, filter_name=name, circle=True
        )
        for name in ("ramp", "hamming")
    }
    found["scikit-image SART"] = lambda: iradon_sart(sinogram, angles)
    return found


def error(plane: np.ndarray, truth: np.ndarray) -> float:
    """RMSE inside the inscribed circle over the truth's deviation, at the best scale."""
    size = len(truth)
    z, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside = np.hypot(z, x) < size / 2 - 2
    a, b = plane[inside], truth[inside]
    scale = (a @ b) / max(a @ a, 1e-30)
    return float(np.sqrt(((scale * a - b) ** 2).mean()) / b.std())


def best_orientation(plane: np.ndarray, truth: np.ndarray) -> float:
    """The smallest error over mirrors and transposition."""
    turned = [plane, plane.T]
    return min(error(p[::a, ::b], truth) for p in turned for a in (1, -1) for b in (1, -1))


def accuracy(size: int) -> None:
    """The table of errors, without noise and with it."""
    truth = phantom(size)
    for name, angles in RANGES.items():
        clean = projections(size, angles)
        noise = np.random.default_rng(0).normal(0, 0.03 * clean.max(), clean.shape)
        cases = [clean, clean + noise]
        print(f"\n{name}, {size} x {size}: error over the truth's deviation")
        print(f"{'':<34}{'clean':>9}{'noisy':>9}{'CPU s':>9}")
        for method, settings in our_methods(size).items():
            start = time.process_time()
            errors = [error(run_ours(tilts, angles, settings), truth) for tilts in cases]
            print_errors(method, errors, (time.process_time() - start) / 2)
        peers = [
            {**astra_methods(tilts, angles), **skimage_methods(tilts, angles)} for tilts in cases
        ]
        for method in peers[0]:
            start = time.process_time()
            errors = [best_orientation(found[method](), truth) for found in peers]
            print_errors(method, errors, (time.process_time() - start) / 2)


def print_errors(name: str, errors: list[float], seconds: float) -> None:
    """One line of the table."""
    print(f"{name:<34}{errors[0]:>9.4f}{errors[1]:>9.4f}{seconds:>9.2f}", flush=True)


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
    first = run_watched(command, kill_when=lambda: journal_lines(folder, out) >= 2)
    kept = journal_lines(folder, out) - 1
    print(f"killed after {first[0]:.0f} s; finished slabs kept: {kept}; no {out.name}: ", end="")
    print(not out.exists())
    second = run_watched(command)
    files = [file for file in (out, *out.rglob("*")) if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e9
    print(f"resumed: {second[0]:.0f} s, exit code {second[2]}, file of {size:.2f} GB")
    left = sorted(p.name for p in folder.iterdir())
    print(f"peak memory {max(first[1], second[1]) / 1e9:.2f} GB; in the folder: {', '.join(left)}")
    remove(out)
    whole = run_watched([part for part in command if part != "--resume"])
    updates = 41 * rows * width * thickness / 1e9
    print(f"at once: {whole[0]:.0f} s, {updates / whole[0]:.2f} x 10^9 updates/s, ", end="")
    print(f"peak memory {whole[1] / 1e9:.2f} GB")
    hours = whole[0] * 4096 / rows / 3600
    print(f"extrapolated to 4096 rows, linear in rows: {hours:.1f} h")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def journal_lines(folder: Path, out: Path) -> int:
    """Lines of the journal of an unfinished tomogram; one is its key."""
    journal = folder / f".{out.name}.journal"
    return len(journal.read_text().splitlines()) if journal.exists() else 0


def run_watched(
    command: list[str], kill_when: Callable[[], bool] | None = None
) -> tuple[float, int, int]:
    """Seconds, peak resident bytes and exit code; killed outright when asked for."""
    import psutil

    start, peak = time.perf_counter(), 0
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
    return time.perf_counter() - start, peak, process.returncode


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("accuracy", "scaling", "full"))
    parser.add_argument("--size", type=int, default=129, help="odd, as scikit-image centres it")
    parser.add_argument("--folder", type=Path, default=Path("full_size_run"))
    for name, value in (("rows", 128), ("width", 4096), ("thickness", 1200)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--memory", type=float, default=4.0, help="GB")
    parser.add_argument("--zarr", action="store_true", help="OME-Zarr instead of MRC")
    options = parser.parse_args()
    if options.what == "accuracy":
        accuracy(options.size)
    elif options.what == "scaling":
        scaling()
    else:
        full(options)


if __name__ == "__main__":
    main()

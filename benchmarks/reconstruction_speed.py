"""Whole reconstructions: processor time of every method, ours and ASTRA's and scikit-image's.

    python benchmarks/reconstruction_speed.py [--nx 512] [--nz 128] [--ny 128] [--tilts 41]

One thread. Everything is counted: filters, slabs, the projection back and forth of an iteration.
Peers reconstruct planes one by one; some of them are timed. A voxel update is one voxel and one
tilt, in an iteration of SIRT or TV two of them (A and A.T). By default SIRT and TV also compute
what lies beside the field of view; here they do not, because the peers do not either.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from typing import TYPE_CHECKING

import numpy as np
from back_projection_methods import Case

if TYPE_CHECKING:
    from collections.abc import Callable

ITERATIONS = 10
PLANES = 4
"""Of a peer, timed."""
ROUNDS = 3


def ours(case: Case, tilts: np.ndarray) -> dict[str, tuple[Callable[[], object], int, int]]:
    """What to call, its rows, and its updates of every voxel by every tilt."""
    from napari_lbn.engine.events import drain
    from napari_lbn.engine.reconstruction import (
        SIRTSettings,
        TiltSource,
        TVSettings,
        WBPSettings,
        reconstruct_source,
    )

    source = TiltSource(
        read_rows=lambda rows: tilts[:, rows], angles=case.angles, shape_yx=tilts.shape[1:]
    )
    nz = case.nz
    chosen = {
        "WBP, ramp": (WBPSettings(thickness=nz), 1),
        "WBP, SIRT-like": (WBPSettings(thickness=nz, filter="sirt-like"), 1),
        "WBP, exact": (WBPSettings(thickness=nz, filter="exact"), 1),
        "SIRT": (
            SIRTSettings(thickness=nz, iterations=ITERATIONS, beyond="nothing"),
            2 * ITERATIONS,
        ),
        "TV": (TVSettings(thickness=nz, iterations=ITERATIONS, beyond="nothing"), 2 * ITERATIONS),
    }
    return {
        f"napari-lbn, {name}": (lambda s=settings: drain(reconstruct_source(source, s)), case.ny, n)
        for name, (settings, n) in chosen.items()
    }


def astra(case: Case, tilts: np.ndarray) -> dict[str, tuple[Callable[[], object], int, int]]:
    """The same for ASTRA's CPU algorithms with its fastest projector."""
    if importlib.util.find_spec("astra") is None:
        return {}
    import astra as toolbox

    volume = toolbox.create_vol_geom(case.nz, case.nx)
    detector = toolbox.create_proj_geom("parallel", 1.0, case.nx, np.deg2rad(case.angles))
    projector = toolbox.create_projector("linear", detector, volume)
    sinogram = toolbox.data2d.create("-sino", detector, np.ascontiguousarray(tilts[:, 0]))
    result = toolbox.data2d.create("-vol", volume)

    def run(name: str, iterations: int) -> None:
        configuration = toolbox.astra_dict(name)
        configuration["ProjectorId"] = projector
        configuration["ProjectionDataId"] = sinogram
        configuration["ReconstructionDataId"] = result
        for _ in range(PLANES):
            algorithm = toolbox.algorithm.create(configuration)
            toolbox.algorithm.run(algorithm, iterations)
            toolbox.algorithm.delete(algorithm)

    return {
        "ASTRA CPU, FBP": (lambda: run("FBP", 1), PLANES, 1),
        "ASTRA CPU, SIRT": (lambda: run("SIRT", ITERATIONS), PLANES, 2 * ITERATIONS),
    }


def skimage(case: Case, tilts: np.ndarray) -> dict[str, tuple[Callable[[], object], int, int]]:
    """The same for `iradon`, whose planes are square: the updates of as many slabs."""
    if importlib.util.find_spec("skimage") is None:
        return {}
    from skimage.transform import iradon

    lines = np.ascontiguousarray(tilts[:, 0].T)

    def run() -> object:
        return iradon(lines, case.angles, output_size=case.nx, circle=False)

    return {"scikit-image iradon": (run, case.nx // case.nz, 1)}


def main() -> None:
    """Time every method and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("tilts", 41), ("nx", 512), ("nz", 128), ("ny", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    # before any library starts its threads
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    import torch

    torch.set_num_threads(1)
    case = Case(n_tilts=options.tilts, nx=options.nx, nz=options.nz, ny=options.ny, threads=1)
    tilts = np.random.default_rng(0).normal(size=(case.n_tilts, case.ny, case.nx))
    tilts = tilts.astype(np.float32)
    methods = {**ours(case, tilts), **astra(case, tilts), **skimage(case, tilts)}
    best = dict.fromkeys(methods, np.inf)
    for _ in range(ROUNDS):  # around all methods, so that a busy machine slows them alike
        for name, (run, _rows, _updates) in methods.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    print(f"{case.n_tilts} tilts, {case.nx} x {case.nz} x {case.ny} voxels (x, z, y), one thread")
    print(f"{'':<28}{'CPU s':>10}{'10^9 updates/s':>16}")
    for name, (_run, rows, updates) in methods.items():
        seconds = best[name] * case.ny / rows
        speed = updates * case.n_tilts * case.nx * case.nz * case.ny / seconds / 1e9
        print(f"{name:<28}{seconds:>10.2f}{speed:>16.2f}")


if __name__ == "__main__":
    main()

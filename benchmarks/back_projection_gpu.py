"""The GPU's part of ``back_projection.py``: our backends and ASTRA's CUDA back-projector.

All on the same card in the same run, on arrays that lie there already, the best of several
rounds. An update loads two values of a tilt (8 bytes), which come from the second cache at
least; a voxel is written to the card's memory once for all tilts. Both limits are measured
here and now.
"""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.projection.backends import available_backends

if TYPE_CHECKING:
    from collections.abc import Callable

    from back_projection_methods import Case

GOAL_OF_LIMIT, GOAL_OF_ASTRA = 0.7, 2.0
LOADED, WRITTEN = 8, 4
"""Bytes of an update, and of a voxel."""
IN_CACHE = 1 << 22
"""Bytes that lie in every card's second cache."""
IN_MEMORY = 1 << 30


def print_gpu(case: Case, tilts: np.ndarray, rounds: int) -> None:
    """The table of speeds, and the limits of the card."""
    device = torch.device("cuda")
    print(f"\n{torch.cuda.get_device_name(device)}, {case.ny} rows")
    updates = case.n_tilts * case.nx * case.nz * case.ny / 1e9
    speeds = {name: updates / s for name, s in our_times(case, tilts, rounds).items()}
    astra = astra_time(case, tilts, rounds)
    if astra is not None:
        speeds["ASTRA CUDA, BP3D_CUDA"] = updates / astra
    print(f"{'back-projection':<28}{'10^9 updates/s':>16}{'x ASTRA':>10}")
    for name, speed in speeds.items():
        ratio = "" if astra is None else f"{speed * astra / updates:.1f}"
        print(f"{name:<28}{speed:>16.1f}{ratio:>10}")
    best = max(speed for name, speed in speeds.items() if "napari-lbn" in name)
    print(f"\n{'limit of the card':<28}{'10^9 updates/s':>16}{'reached':>10}")
    memory, cache = copied_bytes(IN_MEMORY), copied_bytes(IN_CACHE)
    limits = {
        f"memory, {memory / 1e9:.0f} GB/s": memory / WRITTEN * case.n_tilts / 1e9,
        f"second cache, {cache / 1e9:.0f} GB/s": cache / LOADED / 1e9,
    }
    for name, limit in limits.items():
        print(f"{name:<28}{limit:>16.1f}{best / limit:>10.0%}")
    print(f"aims: {GOAL_OF_ASTRA:g} x ASTRA, {GOAL_OF_LIMIT:.0%} of the lower limit")


def our_times(case: Case, tilts: np.ndarray, rounds: int) -> dict[str, float]:
    """Seconds of each backend that runs on the card."""
    device = torch.device("cuda")
    geometry = ProjectionGeometry(angles=tuple(case.angles), nx=case.nx, nz=case.nz)
    columns = torch.from_numpy(tilts.transpose(0, 2, 1).copy()).to(device)
    found = {}
    for backend in available_backends(device, torch.float32):
        if backend == "plain":
            continue
        back_project = Projector(geometry, device=device, backend=backend).T
        found[f"napari-lbn, {backend}"] = best_time(lambda op=back_project: op(columns), rounds)
    return found


def astra_time(case: Case, tilts: np.ndarray, rounds: int) -> float | None:
    """Seconds of ASTRA's three-dimensional back-projector; None where it cannot run.

    Its volume is (z, y, x) = our (y, z, x): it rotates about its own z.
    """
    if importlib.util.find_spec("astra") is None:
        return None
    import astra

    volume = torch.zeros(case.ny, case.nz, case.nx, device="cuda")
    rows = torch.from_numpy(tilts.transpose(1, 0, 2).copy()).to("cuda")
    space = astra.create_vol_geom(case.nz, case.nx, case.ny)
    detector = astra.create_proj_geom(
        "parallel3d", 1.0, 1.0, case.ny, case.nx, np.deg2rad(case.angles)
    )
    try:
        configuration: dict[str, Any] = astra.astra_dict("BP3D_CUDA")
        configuration["ReconstructionDataId"] = astra.data3d.link("-vol", space, volume)
        configuration["ProjectionDataId"] = astra.data3d.link("-sino", detector, rows)
        algorithm = astra.algorithm.create(configuration)
        return best_time(lambda: astra.algorithm.run(algorithm), rounds)
    except Exception as error:  # without CUDA, or an older version that links no tensors
        print(f"ASTRA CUDA does not run here: {error}")
        return None


def copied_bytes(size: int) -> float:
    """Bytes read and written a second by copies of an array of this many bytes."""
    source = torch.ones(size // 4, device="cuda")
    target = torch.empty_like(source)
    copies = max(IN_MEMORY // size, 1)

    def copy() -> None:
        for _ in range(copies):
            target.copy_(source)

    return 2 * size * copies / best_time(copy, 5)


def best_time(run: Callable[[], object], rounds: int) -> float:
    """Seconds of the best round, after one that compiles and warms up."""
    run()
    torch.cuda.synchronize()
    best = np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best

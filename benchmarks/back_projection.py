"""Back-projection: speed, adjointness and agreement, side by side in one run.

    python benchmarks/back_projection.py [--nx 512] [--nz 128] [--ny 200] [--tilts 41] [--threads 1]

Every row back-projects the same tilts with the same number of threads and reports the
best of several rounds, in 10^9 voxel updates a second (one update: one voxel and one
tilt). Rounds go around all methods, so that a busy machine slows them alike; with one
thread it is the processor's time that counts, so that waiting for others does not. ASTRA and
scikit-image are compared where they are installed, and a GPU where there is one
(``back_projection_gpu.py``).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Case:
    """Sizes of the comparison."""

    n_tilts: int
    nx: int
    nz: int
    ny: int
    threads: int

    @property
    def angles(self) -> np.ndarray:
        """Degrees."""
        return np.linspace(-60, 60, self.n_tilts)


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to back-project; `rows` of y at a time make up one run."""

    name: str
    run: Callable[[], object]
    rows: int
    note: str = ""


def our_methods(case: Case, tilts: np.ndarray) -> list[Method]:
    """Each of our backends that runs on the CPU, the matrix ready."""
    import torch

    from napari_lbn.engine.projection import ProjectionGeometry, Projector
    from napari_lbn.engine.projection.backends import available_backends

    geometry = ProjectionGeometry(angles=tuple(case.angles), nx=case.nx, nz=case.nz)
    methods = []
    for backend in available_backends(torch.device("cpu"), torch.float32):
        back_project = Projector(geometry, backend=backend).T
        rows = min(case.ny, 8) if backend == "plain" else case.ny
        columns = torch.from_numpy(tilts[:, :rows].transpose(0, 2, 1).copy())
        methods.append(
            Method(
                name=f"napari-lbn, {backend}",
                run=lambda op=back_project, array=columns: op(array),
                rows=rows,
                note=f"{rows} rows at a time",
            )
        )
    return methods


def grid_sample_reference(case: Case, tilts: np.ndarray) -> np.ndarray:
    """The paper's formulation: affine matrix, `grid_sample`, sum over tilts; ``(z, x, y)``."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    images = torch.from_numpy(tilts)
    volume = torch.zeros(tilts.shape[1], case.nz, case.nx, dtype=images.dtype)
    aspect = (case.nz - 1) / (case.nx - 1)
    for image, angle in zip(images, np.deg2rad(case.angles), strict=True):
        affine = torch.tensor([[np.cos(angle), np.sin(angle) * aspect, 0], [0, 0, 0]])
        size = [1, 1, case.nz, case.nx]
        grid = affine_grid(affine[None].to(images.dtype), size, align_corners=True)
        volume += grid_sample(image[None, :, None], grid, align_corners=True)[0]
    return volume.permute(1, 2, 0).numpy()


def astra_methods(case: Case, tilts: np.ndarray) -> list[Method]:
    """ASTRA's CPU projectors, row by row."""
    if importlib.util.find_spec("astra") is None:
        return []
    import astra

    methods = []
    volume = astra.create_vol_geom(case.nz, case.nx)
    detector = astra.create_proj_geom("parallel", 1.0, case.nx, np.deg2rad(case.angles))
    sinogram = astra.data2d.create("-sino", detector, np.ascontiguousarray(tilts[:, 0]))
    result = astra.data2d.create("-vol", volume)
    for kind in ("linear", "line", "strip"):
        configuration = astra.astra_dict("BP")
        configuration["ProjectorId"] = astra.create_projector(kind, detector, volume)
        configuration["ProjectionDataId"] = sinogram
        configuration["ReconstructionDataId"] = result
        algorithm = astra.algorithm.create(configuration)
        run = lambda chosen=algorithm: [astra.algorithm.run(chosen) for _ in range(4)]  # noqa: E731
        methods.append(Method(name=f"ASTRA CPU, {kind}", run=run, rows=4, note="one thread"))
    return methods


def iradon_methods(case: Case, tilts: np.ndarray) -> list[Method]:
    """scikit-image's `iradon`, which fills a square plane."""
    if importlib.util.find_spec("skimage") is None:
        return []
    from skimage.transform import iradon

    sinogram = np.ascontiguousarray(tilts[:, 0].T)

    def run() -> object:
        return iradon(sinogram, case.angles, filter_name=None, output_size=case.nx, circle=False)

    # It always makes nx by nx voxels; count those.
    return [Method(name="scikit-image iradon", run=run, rows=1, note="one thread, square plane")]


def best_times(methods: list[Method], rounds: int, threads: int) -> dict[str, float]:
    """Seconds of each method's best round, rounds going around the methods."""
    clock = time.process_time if threads == 1 else time.perf_counter
    best = {method.name: np.inf for method in methods}
    for _ in range(rounds):
        for method in methods:
            start = clock()
            method.run()
            best[method.name] = min(best[method.name], clock() - start)
    return best


def print_speed(case: Case, methods: list[Method], best: dict[str, float]) -> float:
    """The table of speeds, beside the fastest of ASTRA's; our highest speed."""
    speeds = {}
    for method in methods:
        nz = case.nx if "iradon" in method.name else case.nz
        updates = case.n_tilts * case.nx * nz * method.rows
        speeds[method.name] = updates / best[method.name] / 1e9
    astra = max((speed for name, speed in speeds.items() if "ASTRA" in name), default=None)
    print(f"\n{'back-projection':<28}{'10^9 updates/s':>16}{'x ASTRA':>10}")
    for method in methods:
        ratio = "" if astra is None else f"{speeds[method.name] / astra:.1f}"
        print(f"{method.name:<28}{speeds[method.name]:>16.2f}{ratio:>10}   {method.note}")
    return max(speed for name, speed in speeds.items() if "napari-lbn" in name)


def print_limits(case: Case, best: float) -> None:
    """What the memory system allows, measured here and now, in updates a second.

    An update loads two values of a tilt, 8 bytes, which lie in the first cache; a voxel is
    written to main memory once for all tilts, and read before (12 bytes with the copy into
    the tomogram). The smaller of both limits is the one that counts.
    """
    big = np.ones(1 << 25, np.float32)
    copy = np.empty_like(big)
    seconds = min(_timed(lambda: np.copyto(copy, big)) for _ in range(4))
    main_memory = 3 * big.nbytes / seconds  # read, fetched for writing, written
    by_voxel = main_memory / 12 * case.n_tilts / 1e9
    print(f"\n{'limit of the memory system':<28}{'10^9 updates/s':>16}{'reached':>10}")
    note = f"{main_memory / 1e9:.1f} GB/s, one thread"
    print(f"{'main memory, each voxel':<28}{by_voxel:>16.1f}{best / by_voxel:>10.0%}   {note}")
    if importlib.util.find_spec("numba") is None:
        return
    cache = first_cache_bandwidth()
    by_load = cache / 8 / 1e9 * case.threads
    note = f"{cache / 1e9:.0f} GB/s a thread"
    print(f"{'first cache, each load':<28}{by_load:>16.1f}{best / by_load:>10.0%}   {note}")


def first_cache_bandwidth() -> float:
    """Bytes a second that a compiled loop loads from 16 KB, again and again."""
    import numba

    @numba.njit(fastmath=True)
    def load(array: np.ndarray, rounds: int) -> float:
        total = np.float32(0)
        for k in range(rounds):
            some = np.float32(0)
            for i in range(array.size):
                some += array[i]
            total += some * np.float32(k)
            array[k % array.size] = some  # so that no round can be left out
        return total

    array = np.zeros(4096, np.float32)
    load(array, 1)
    rounds = 20_000
    return rounds * array.nbytes / min(_timed(lambda: load(array, rounds)) for _ in range(5))


def _timed(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def print_adjoint_errors(case: Case) -> None:
    """``|<A v, p> - <v, A.T p>| / <A v, p>`` on positive data, in both precisions."""
    import torch

    from napari_lbn.engine.projection import ProjectionGeometry, Projector

    print(f"\n{'adjoint error':<28}{'float32':>12}{'float64':>12}")
    for footprint in ("linear", "distance"):
        errors = []
        for dtype in (torch.float32, torch.float64):
            geometry = ProjectionGeometry(
                angles=tuple(case.angles), nx=case.nx, nz=case.nz, footprint=footprint
            )
            projector = Projector(geometry, dtype=dtype)
            volume = torch.rand(*projector.domain_shape, 4, dtype=dtype)
            tilts = torch.rand(*projector.range_shape, 4, dtype=dtype)
            forward, backward = projector(volume).double(), projector.T(tilts).double()
            one, other = (forward * tilts).sum(), (volume * backward).sum()
            errors.append(float((one - other).abs() / one))
        print(f"{footprint:<28}{errors[0]:>12.1e}{errors[1]:>12.1e}")


def print_agreement(case: Case, tilts: np.ndarray) -> None:
    """Largest difference of float32 from the paper's formulation in float64, relative."""
    import torch

    from napari_lbn.engine.projection import ProjectionGeometry, Projector

    few = tilts[:, :4]
    reference = grid_sample_reference(case, few.astype(np.float64))
    geometry = ProjectionGeometry(angles=tuple(case.angles), nx=case.nx, nz=case.nz)
    ours = Projector(geometry).T(torch.from_numpy(few.transpose(0, 2, 1).copy())).numpy()
    error = np.abs(ours - reference).max() / np.abs(reference).max()
    print(f"\nlargest difference from grid_sample in float64, relative: {error:.1e}")


def print_wbp_time() -> None:
    """Processor time of a whole WBP at the size of TS254 at 10 Å, filter and slabs included."""
    from napari_lbn.engine.events import drain
    from napari_lbn.engine.reconstruction import WBPSettings, reconstruct

    tilts = np.random.default_rng(0).normal(size=(41, 300, 652)).astype(np.float32)
    angles = np.linspace(-60, 60, 41)
    settings = WBPSettings(thickness=200)

    def run() -> None:
        drain(reconstruct(lambda rows: tilts[:, rows], angles, None, (300, 652), settings))

    seconds = min(_timed(run) for _ in range(3))
    updates = 41 * 300 * 652 * 200
    print(f"WBP of 41 x 300 x 652, thickness 200: {seconds:.2f} s ", end="")
    print(f"({updates / seconds / 1e9:.2f} x 10^9 updates/s, everything included)")


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("tilts", 41), ("nx", 512), ("nz", 128), ("ny", 200), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    # Before any library starts its threads.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(options.threads)))
    import torch

    torch.set_num_threads(options.threads)
    case = Case(
        n_tilts=options.tilts, nx=options.nx, nz=options.nz, ny=options.ny, threads=options.threads
    )
    tilts = np.random.default_rng(0).normal(size=(case.n_tilts, case.ny, case.nx))
    tilts = tilts.astype(np.float32)
    print(f"{case.n_tilts} tilts, {case.nx} x {case.nz} x {case.ny} voxels (x, z, y), ", end="")
    print(f"{case.threads} thread(s), torch {torch.__version__}, Python {sys.version.split()[0]}")

    rows = min(case.ny, 64)
    reference = Method(
        name="grid_sample per tilt",
        run=lambda: grid_sample_reference(case, tilts[:, :rows]),
        rows=rows,
        note=f"{rows} rows at a time",
    )
    methods = [*our_methods(case, tilts), reference]
    methods += [*astra_methods(case, tilts), *iradon_methods(case, tilts)]
    print_limits(
        case, print_speed(case, methods, best_times(methods, options.rounds, case.threads))
    )
    print_adjoint_errors(case)
    print_agreement(case, tilts)
    print_wbp_time()
    if torch.cuda.is_available():
        from back_projection_gpu import print_gpu

        print_gpu(case, tilts, options.rounds)
    else:
        print("\nno GPU here")


if __name__ == "__main__":
    main()

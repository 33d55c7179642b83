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
import os
import sys

import numpy as np
from back_projection_limits import print_limits, timed
from back_projection_methods import (
    Case,
    Method,
    astra_methods,
    best_times,
    grid_sample_reference,
    iradon_methods,
    our_methods,
)


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

    seconds = min(timed(run) for _ in range(3))
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

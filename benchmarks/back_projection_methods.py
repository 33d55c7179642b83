"""Every way to back-project that is compared: ours, ASTRA's, scikit-image's, the paper's."""

from __future__ import annotations

import importlib.util
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

"""Accuracy of every reconstruction method on the analytic projections of ellipses.

    python benchmarks/reconstruction_accuracy.py [--size 129]

Our methods and, on the same data, ASTRA's and scikit-image's where installed; peers are tried
in every mirrored orientation and the best one counts. Without noise, and with it.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
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


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=129, help="odd, as scikit-image centres it")
    accuracy(parser.parse_args().size)


if __name__ == "__main__":
    main()

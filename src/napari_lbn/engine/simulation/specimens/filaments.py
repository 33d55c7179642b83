"""Filaments and microtubules along worm-like paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grid import Grid, Volume, add_gaussians

if TYPE_CHECKING:
    from numpy.typing import NDArray


def add_filaments(excess: Volume, grid: Grid, rng: np.random.Generator) -> None:
    """Thin filaments such as actin: two strands of 5 nm subunits, single or in bundles."""
    direction = _direction(rng)
    count = int(rng.integers(3, 30))
    bundled = rng.random() < 0.4
    for _ in range(count):
        heading = direction + rng.normal(0, 0.08, 3) if bundled else _direction(rng)
        path = worm(grid, heading, step=2.7, persistence=10_000.0, rng=rng)
        points = _helix(path, radius=1.6, count=1, turn=np.deg2rad(166.6), spacing=grid.spacing)
        add_gaussians(excess, points, max(1.9 / grid.spacing, 0.8), 0.45)


def add_microtubules(excess: Volume, grid: Grid, rng: np.random.Generator) -> None:
    """Hollow tubes 25 nm across of 13 protofilaments."""
    direction = _direction(rng)
    for _ in range(int(rng.integers(1, 5))):
        heading = direction + rng.normal(0, 0.15, 3)
        path = worm(grid, heading, step=4.0, persistence=200_000.0, rng=rng)
        points = _helix(path, radius=11.2, count=13, turn=0.0, spacing=grid.spacing)
        add_gaussians(excess, points, max(1.7 / grid.spacing, 0.8), 0.5)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    """A direction that lies rather flat in the slab, as long objects do."""
    turn = rng.uniform(0, 2 * np.pi)
    return np.array([rng.normal(0, 0.15), np.cos(turn), np.sin(turn)])


def worm(
    grid: Grid,
    heading: NDArray[np.float64],
    *,
    step: float,
    persistence: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Positions ``(n, 3)`` in nm from the grid's corner, `step` apart, of a worm-like chain."""
    size = np.array(grid.shape) * grid.spacing
    start = rng.uniform(0.1, 0.9, 3) * size
    length = rng.uniform(0.3, 1.5) * size.max()
    count = max(int(length / step), 8)
    kicks = rng.normal(0, np.sqrt(2 * step / persistence), (count, 3))
    tangent = heading / np.linalg.norm(heading) + np.cumsum(kicks, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    path = np.cumsum(tangent * step, axis=0)
    return start + path - path[count // 2]


def _helix(
    path: NDArray[np.float64], *, radius: float, count: int, turn: float, spacing: float
) -> NDArray[np.float64]:
    """Subunits around a path: `count` on each ring, rings turned by `turn`; in voxels."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    first = np.cross(tangent, [0.31, 0.2, 0.93])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    angle = np.arange(len(path))[:, None] * turn + np.arange(count) * 2 * np.pi / count
    ring = first[:, None] * np.cos(angle)[..., None] + second[:, None] * np.sin(angle)[..., None]
    return ((path[:, None] + radius * ring) / spacing).reshape(-1, 3)

"""Membranes: vesicles, undulating sheets and cell walls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, Volume, add_patch, smooth_map

if TYPE_CHECKING:
    from .embedded import Sites

Profile = Callable[[NDArray[np.float32]], NDArray[np.float32]]

LEAFLET = 1.9
"""Distance of each leaflet's head groups from the middle of a bilayer, nm."""


def bilayer(spacing: float, height: float = 0.35) -> Profile:
    """Density above ice against the distance from the middle of a bilayer in nm.

    Two layers of head groups with lighter tails between them; on a coarse grid they are
    widened, their area kept, so that they do not alias.
    """
    sigma = max(0.7, spacing)
    scale = height * 0.7 / sigma

    def profile(distance: NDArray[np.float32]) -> NDArray[np.float32]:
        heads = np.exp(-((np.abs(distance) - LEAFLET) ** 2) / (2 * sigma**2))
        tails = np.exp(-(distance**2) / (2 * sigma**2))
        return (scale * (heads - 0.3 * tails)).astype(np.float32)

    return profile


def add_vesicles(excess: Volume, grid: Grid, sites: Sites, rng: np.random.Generator) -> None:
    """Bumpy ellipsoidal vesicles 12 to 60 nm in radius."""
    count = 1 + rng.poisson(rng.uniform(0.5, 4) * grid.volume_nm3 / 1e7)
    profile = bilayer(grid.spacing)
    for centre in grid.random_points(min(count, 60), rng):
        radius = float(np.exp(rng.uniform(np.log(12), np.log(60))))
        lumen = rng.uniform(-0.04, 0.15)
        semi = radius * rng.uniform(0.75, 1.25, 3)
        patch = vesicle(semi, grid.spacing, lumen, profile, rng)
        corner = np.rint(centre).astype(np.intp) - np.array(patch.shape) // 2
        add_patch(excess, patch, corner)
        sites.add_ellipsoid(centre, semi, grid, rng)


def vesicle(
    semi: NDArray[np.float64],
    spacing: float,
    lumen: float,
    profile: Profile,
    rng: np.random.Generator,
) -> Volume:
    """One vesicle of semi-axes `semi` in its box: a bilayer around a lumen, lengths in nm."""
    half = np.ceil((semi * 1.12 + 5) / spacing).astype(int)
    z, x, y = (
        (np.arange(-h, h + 1) * spacing / s).astype(np.float32)
        for h, s in zip(half, semi, strict=True)
    )
    z, x, y = z[:, None, None], x[None, :, None], y[None, None, :]
    rho = np.sqrt(z**2 + x**2 + y**2) + np.float32(1e-6)
    tilt = rng.uniform(-0.08, 0.08, 3)
    # Rho grows by this much per nm, so the membrane is as thick on every side.
    slope = np.sqrt((z / semi[0]) ** 2 + (x / semi[1]) ** 2 + (y / semi[2]) ** 2) / rho + 1e-6
    rho *= 1 + (tilt[0] * z * x + tilt[1] * x * y + tilt[2] * y * z) / rho**2
    distance = ((rho - 1) / slope).astype(np.float32)
    patch = np.zeros(distance.shape, np.float32)
    near = np.abs(distance) < 5
    patch[near] = profile(distance[near])
    patch += np.float32(lumen) * np.clip(0.5 - distance / np.float32(spacing), 0, 1)
    return patch


def add_sheets(excess: Volume, grid: Grid, sites: Sites, rng: np.random.Generator) -> None:
    """Undulating membranes across the specimen, single, paired or layered like a wall."""
    for _ in range(int(rng.integers(1, 4))):
        offsets = [0.0]
        kind = rng.choice(["single", "pair", "wall"])
        if kind == "pair":
            offsets = [0.0, float(rng.uniform(15, 35))]
        elif kind == "wall":
            offsets = [0.0, float(rng.uniform(6, 14)), float(rng.uniform(18, 35))]
        _add_sheet(excess, grid, offsets, sites, rng)


def _add_sheet(
    excess: Volume, grid: Grid, offsets: list[float], sites: Sites, rng: np.random.Generator
) -> None:
    """A steep surface ``distance(x, y) + slope z = 0``, plane or a big arc, and its parallels."""
    z, x, y = grid.axes()
    radius = float(np.exp(rng.uniform(np.log(150), np.log(3000))))
    turn = rng.uniform(0, 2 * np.pi)
    at = rng.uniform(-0.4, 0.4) * (x[-1] - x[0]), rng.uniform(-0.4, 0.4) * (y[-1] - y[0])
    centre = at[0] + radius * np.cos(turn), at[1] + radius * np.sin(turn)
    base = np.hypot(x[:, None] - centre[0], y[None, :] - centre[1]) - radius
    base += rng.uniform(1, 12) * smooth_map(grid.nx, grid.ny, 6, rng)
    slope = rng.normal(0, 0.5)
    lean = 1 / np.sqrt(1 + slope**2)
    profile = bilayer(grid.spacing)
    reach = max(offsets) + 5
    for index in range(grid.nz):
        distance = ((base + slope * z[index]) * lean).astype(np.float32)
        near = (distance > -5) & (distance < reach)
        shell = distance[near]
        excess[index][near] += sum(profile(shell - np.float32(offset)) for offset in offsets)
        sites.add_plane(index, distance, slope * lean, grid, rng)

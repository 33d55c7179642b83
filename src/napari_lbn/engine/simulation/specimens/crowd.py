"""What fills a specimen: crowded macromolecules, density clouds, granules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .grid import Grid, Volume, add_patch, power_law_field, upsample
from .shapes import library, orientations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .layers import Slab

OUTSIDE = 0.2
"""Share of a cell's texture and density variation that the ice beside it has."""

MOST_COPIES = 5000
"""Places that are tried for one species."""

OCCUPANCY = 2.5
"""nm per cell of the coarse grid on which macromolecules exclude each other."""


def add_cloud(excess: Volume, grid: Grid, slab: Slab, rng: np.random.Generator) -> None:
    """Smooth density variation with a power-law spectrum, weaker outside the cell."""
    coarse = tuple(max(n // 4, 4) for n in grid.shape)
    field = power_law_field(coarse, rng.uniform(2.2, 3.6), rng) * rng.uniform(0.01, 0.07)
    weight = _cell_weight(slab)
    # Plane by plane: the whole field on the fine grid would be a second volume in memory.
    at = np.linspace(0, coarse[0] - 1, grid.nz)
    below = np.minimum(at.astype(int), coarse[0] - 2)
    for index, (lower, share) in enumerate(
        zip(below, (at - below).astype(np.float32), strict=True)
    ):
        plane = field[lower] * (1 - share) + field[lower + 1] * share
        fine = upsample(plane.astype(np.float32), grid.shape[1:])
        if weight is not None:
            fine *= weight
        excess[index] += fine


def _cell_weight(slab: Slab) -> NDArray[np.float32] | None:
    """How dense the small things are at every (x, y): thin beside a cell; None without one."""
    if slab.cell is None:
        return None
    return np.clip(slab.cell.inward / 10, OUTSIDE, 1).astype(np.float32)


def add_texture(excess: Volume, grid: Grid, slab: Slab, rng: np.random.Generator) -> None:
    """Solutes too small to draw one by one: blurred noise, repeated along x."""
    weight = _cell_weight(slab)
    period = min(grid.nx, 320)
    tile = rng.standard_normal((grid.nz, period, grid.ny), dtype=np.float32)
    # A periodic [1 2 1] blur along each axis leaves grains of about two voxels.
    kernel = np.array([0.5, 1, 0.5], np.float32) / np.float32(np.sqrt(1.5))
    kernel *= np.float32(rng.uniform(0.02, 0.08) ** (1 / 3))
    for axis in range(3):
        ndimage.convolve1d(tile, kernel, axis=axis, mode="wrap", output=tile)
    for start in range(0, grid.nx, period):
        stop = min(start + period, grid.nx)
        # Every second copy runs backwards in z, so that a ray does not meet the same grains.
        copy = (tile[::-1] if (start // period) % 2 else tile)[:, : stop - start]
        excess[:, start:stop] += copy if weight is None else copy * weight[start:stop]


def add_molecules(
    excess: Volume, grid: Grid, slab: Slab, rng: np.random.Generator, maps: Sequence[Path] = ()
) -> None:
    """Macromolecules that do not overlap, largest first, crowded in the cell."""
    shapes = library(48, grid.spacing, rng, maps)
    # Of the volume, if all found room.
    fraction = rng.uniform(0.04, 0.35)
    outside = rng.uniform(0.0, 0.3) if slab.cell is not None else 1.0
    # A few species make up most of a cell's mass.
    abundance = rng.exponential(1, len(shapes)) ** 1.5
    abundance /= abundance.mean()
    cell = max(2, round(OCCUPANCY / grid.spacing))
    occupied = np.zeros([n // cell + 2 for n in grid.shape], bool)
    share = fraction * np.prod(grid.shape) / len(shapes)
    for shape, copies in zip(shapes, abundance, strict=True):
        solid = float((shape > 0.5 * shape.max()).sum())
        points = grid.random_points(min(int(copies * share / max(solid, 1)) + 1, MOST_COPIES), rng)
        keep = slab.contains(points, grid)
        keep &= slab.in_cell(points, grid) | (rng.random(len(points)) < outside)
        _place(excess, shape, points[keep], occupied, cell, rng)


def _place(
    excess: Volume,
    shape: Volume,
    points: NDArray[np.float64],
    occupied: NDArray[np.bool_],
    cell: int,
    rng: np.random.Generator,
) -> None:
    """Paste one shape at every point where nothing lies yet, on a grid of `cell` voxels."""
    footprint = _footprint(shape, cell)
    ways = orientations((shape, footprint))
    # Most places of a crowded specimen are taken, which their middle tells at once.
    middles = np.rint(points / cell).astype(np.intp)
    free = ~occupied[tuple(middles.T)]
    corners = np.rint(points[free]).astype(np.intp) - np.array(shape.shape) // 2
    for corner, way in zip(corners, rng.integers(len(ways), size=len(corners)), strict=True):
        density, solid = ways[way]
        low = corner // cell
        high = low + solid.shape
        if (low < 0).any() or (high > occupied.shape).any():
            continue
        cells = occupied[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        if (cells & solid).any():
            continue
        cells |= solid
        add_patch(excess, density, corner)


def _footprint(shape: Volume, cell: int) -> NDArray[np.bool_]:
    """The coarse cells that a shape fills at least in part."""
    padded = np.pad(shape > 0.3 * shape.max(), [(0, -n % cell) for n in shape.shape])
    blocks = padded.reshape(tuple(v for n in padded.shape for v in (n // cell, cell)))
    return np.asarray(blocks.mean(axis=(1, 3, 5)) > 0.25)


def add_granules(excess: Volume, grid: Grid, slab: Slab, rng: np.random.Generator) -> None:
    """Dense granules 10 to 50 nm in radius with soft edges."""
    count = 1 + rng.poisson(rng.uniform(0.3, 2) * grid.volume_nm3 / 1e7)
    for centre in slab.random_points(min(count, 40), grid, rng):
        radius = np.exp(rng.uniform(np.log(10), np.log(50), 1)) * rng.uniform(0.7, 1.3, 3)
        height, softness = rng.uniform(0.1, 0.45), rng.uniform(1, 5)
        patch = ellipsoid(radius / grid.spacing, softness / grid.spacing) * np.float32(height)
        add_patch(excess, patch, np.rint(centre).astype(np.intp) - np.array(patch.shape) // 2)


def ellipsoid(radius: NDArray[np.float64], softness: float) -> Volume:
    """A filled ellipsoid of height 1 in its box; lengths in voxels."""
    half = np.ceil(radius + 2 * softness).astype(int)
    z, x, y = ((np.arange(-h, h + 1) / r) ** 2 for h, r in zip(half, radius, strict=True))
    rho = np.sqrt(z[:, None, None] + x[None, :, None] + y[None, None, :])
    return np.clip(0.5 + (1 - rho) * radius.mean() / (2 * softness), 0, 1).astype(np.float32)

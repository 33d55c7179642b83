"""The slab of ice, the cell body in it, and a carbon film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, Volume, smooth_map
from .membranes import bilayer

if TYPE_CHECKING:
    from .embedded import Sites
    from .settings import SpecimenSettings

Map = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class CellBody:
    """A flattened cell: `inward` is the distance to its outline in the plane.

    Attributes
    ----------
    inward : ndarray
        ``(x, y)`` nm, positive inside the outline.
    rim, half_height : float
        nm; semi-axes of the elliptic profile from the outline to the flat top.
    cytoplasm : float
        Mean density above ice of all that is not drawn one by one.
    """

    inward: Map
    rim: float
    half_height: float
    cytoplasm: float

    def depth(self, height: Map | float, inward: Map) -> Map:
        """Distance from the envelope in nm (first order), positive inside."""
        u = np.maximum(self.rim - inward, 0) / self.rim
        v = np.abs(height) / self.half_height
        rho = np.hypot(u, v) + np.float32(1e-6)
        slope = np.hypot(u / self.rim, v / self.half_height) + np.float32(1e-6)
        return ((1 - rho) * rho / slope).astype(np.float32)

    def top(self) -> Map:
        """Half of the cell's height at every (x, y), nm."""
        u = np.clip(1 - self.inward / self.rim, 0, 1)
        return (self.half_height * np.sqrt(1 - u**2)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Slab:
    """Mid-surface and half thickness ``(x, y)`` of the ice in nm, and the cell in it."""

    middle: Map
    half: Map
    cell: CellBody | None

    def contains(self, points: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
        """Which voxel positions ``(n, 3)`` lie in the ice."""
        height, at = self._heights(points, grid)
        return np.abs(height) < self.half[at] - 2.0

    def random_points(
        self, count: int, grid: Grid, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Voxel positions ``(count, 3)`` in the ice, as many in thin parts as in thick ones."""
        points = grid.random_points(count, rng)
        at = points[:, 1].astype(int), points[:, 2].astype(int)
        height = self.middle[at] + self.half[at] * rng.uniform(-0.9, 0.9, count)
        points[:, 0] = height / grid.spacing + (grid.nz - 1) / 2
        return points

    def in_cell(self, points: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
        """Which voxel positions ``(n, 3)`` lie in the cell; everywhere without one."""
        if self.cell is None:
            return np.ones(len(points), bool)
        height, at = self._heights(points, grid)
        return self.cell.depth(height, self.cell.inward[at]) > 4.0

    def _heights(
        self, points: NDArray[np.float64], grid: Grid
    ) -> tuple[Map, tuple[NDArray[np.intp], NDArray[np.intp]]]:
        index = np.rint(points).astype(np.intp)
        at = (np.clip(index[:, 1], 0, grid.nx - 1), np.clip(index[:, 2], 0, grid.ny - 1))
        z = (points[:, 0] - (grid.nz - 1) / 2) * grid.spacing
        return (z - self.middle[at]).astype(np.float32), at


def make_slab(
    grid: Grid, thickness: float, settings: SpecimenSettings, rngs: dict[str, np.random.Generator]
) -> Slab:
    """A slab `thickness` nm thick on average, its surfaces uneven, thinner off the cell."""
    rng = rngs["slab"]
    _, x, y = grid.axes()
    plane = np.zeros((grid.nx, grid.ny), np.float32)
    span = float(x[-1] - x[0])
    slope = rng.uniform(-1, 1, 2) * settings.gradient
    plane += slope[0] * (x / span)[:, None] + slope[1] * (y / span)[None, :]
    lean = rng.uniform(*settings.lean)
    rough = rng.uniform(0.2, 1) * settings.roughness * thickness
    surfaces = [rough * smooth_map(grid.nx, grid.ny, 8, rng) for _ in range(2)]
    half = thickness / 2 * (1 + plane) + (surfaces[0] - surfaces[1]) / 2
    middle = (surfaces[0] + surfaces[1]) / 2 + np.tan(np.deg2rad(lean)) * y
    cell = None
    if rngs["cell"].random() < settings.cell:
        cell = _make_cell(grid, thickness, rngs["cell"])
        # Blotting leaves ice about as thick as the cells in it.
        ice = half * rngs["cell"].uniform(0.5, 1.0)
        half = np.maximum(ice, cell.top() + rngs["cell"].uniform(2, 10))
    half = np.clip(half, 0.15 * thickness, (grid.nz / 2 - 1) * grid.spacing - np.abs(middle))
    return Slab(middle=middle.astype(np.float32), half=half.astype(np.float32), cell=cell)


def _make_cell(grid: Grid, thickness: float, rng: np.random.Generator) -> CellBody:
    """A rounded outline that crosses the fields of view more often than not."""
    _, x, y = grid.axes()
    radius = float(np.exp(rng.uniform(np.log(120), np.log(700))))
    centre = rng.uniform(-0.25, 0.25) * (x[-1] - x[0]), rng.uniform(-0.6, 0.6) * radius
    stretch = rng.uniform(0.7, 1.4)
    distance = np.hypot((x[:, None] - centre[0]) * stretch, (y[None, :] - centre[1]) / stretch)
    outline = 0.05 * radius * smooth_map(grid.nx, grid.ny, 8, rng, exponent=5.0)
    return CellBody(
        inward=(radius - distance + outline).astype(np.float32),
        rim=float(rng.uniform(0.5, 2.0) * thickness),
        half_height=float(thickness / 2 * rng.uniform(0.75, 0.95)),
        cytoplasm=float(rng.uniform(0.0, 0.08)),
    )


def add_cell(
    excess: Volume, grid: Grid, slab: Slab, sites: Sites, rng: np.random.Generator
) -> None:
    """Cytoplasm and envelope of the slab's cell, with an outer wall at times."""
    cell = slab.cell
    if cell is None:
        return
    profile = bilayer(grid.spacing)
    wall = rng.uniform(8, 25) if rng.random() < 0.3 else None
    z = grid.axes()[0]
    for index in range(grid.nz):
        depth = cell.depth(z[index] - slab.middle, cell.inward)
        excess[index] += cell.cytoplasm * np.clip(0.5 + depth / (2 * grid.spacing), 0, 1)
        near = np.abs(depth) < 30
        shell = depth[near]
        density = profile(shell)
        if wall is not None:
            density = density + 0.7 * profile(shell + wall)
        excess[index][near] += density
        rise = np.zeros_like(depth)
        above = cell.depth(z[index] + 1 - slab.middle[near], cell.inward[near])
        rise[near] = above - shell
        sites.add_plane(index, depth, rise, grid, rng)


def finish_slab(excess: Volume, grid: Grid, slab: Slab) -> None:
    """Turn density above ice into density: 1 + excess in the ice, 0 in the vacuum."""
    z = grid.axes()[0]
    for index in range(grid.nz):
        # Two voxels soft: a sharp slope would come back as stripes in tilted views.
        edge = (slab.half - np.abs(z[index] - slab.middle)) / np.float32(2 * grid.spacing) + 0.5
        excess[index] += 1
        excess[index] *= np.clip(edge, 0, 1)
    np.maximum(excess, 0, out=excess)


def add_carbon(density: Volume, grid: Grid, slab: Slab, rng: np.random.Generator) -> None:
    """A carbon film on one surface, covering one side of a curved edge (a hole's rim)."""
    z, x, y = grid.axes()
    radius = rng.uniform(600, 1000)
    side = rng.choice([-1, 1])
    centre = side * (radius + rng.uniform(-0.25, 0.25) * (x[-1] - x[0])), rng.uniform(-200, 200)
    covered = np.hypot(x[:, None] - centre[0], y[None, :] - centre[1]) - radius
    film = np.clip(0.5 - covered / 3, 0, 1).astype(np.float32)
    thickness, face = rng.uniform(8, 18), rng.choice([-1, 1])
    surface = slab.middle + face * (slab.half - thickness)
    reach = thickness + grid.spacing
    low, high = (surface.min() - reach, surface.max() + reach)
    for index in np.flatnonzero((z > low) & (z < high)):
        height = (z[index] - surface) * face
        inside = np.clip(height / grid.spacing + 0.5, 0, 1)
        inside *= np.clip((thickness - height) / grid.spacing + 0.5, 0, 1)
        inside *= film
        # Amorphous carbon is grainy, and anew in every plane.
        grain = 1 + 0.08 * smooth_map(grid.nx, grid.ny, 2, rng, exponent=0.5)
        density[index] += inside * (2.1 * grain - density[index])

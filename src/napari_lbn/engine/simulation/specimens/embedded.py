"""Proteins embedded in membranes: where membranes lie, and what crosses them there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from .grid import add_patch
from .shapes import membrane_proteins, turned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .grid import Grid, Volume

SITE_AREA = 60.0
"""nm² of membrane for each place where a protein may sit."""

MOST = 350
"""Proteins in a specimen; each is turned into place on its own."""


@dataclass(kw_only=True)
class Sites:
    """Places on membranes: positions in voxels and unit normals, both in (z, x, y)."""

    points: list[NDArray[np.float64]] = field(default_factory=list)
    normals: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, points: NDArray[np.float64], normals: NDArray[np.float64]) -> None:
        """Note places ``(n, 3)``; normals are scaled to 1."""
        if len(points):
            self.points.append(points)
            self.normals.append(normals / np.linalg.norm(normals, axis=1, keepdims=True))

    def add_ellipsoid(
        self,
        centre: NDArray[np.float64],
        semi: NDArray[np.float64],
        grid: Grid,
        rng: np.random.Generator,
    ) -> None:
        """Places on an ellipsoid: `centre` in voxels, semi-axes in nm."""
        directions = rng.standard_normal((int(4 * np.pi * np.mean(semi) ** 2 / SITE_AREA), 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self.add(centre + semi / grid.spacing * directions, directions / semi)

    def add_plane(
        self,
        index: int,
        distance: NDArray[np.float32],
        rise: NDArray[np.float32] | float,
        grid: Grid,
        rng: np.random.Generator,
    ) -> None:
        """Places where a plane z = `index` cuts a membrane.

        Parameters
        ----------
        index : int
            Of the plane, in voxels.
        distance : ndarray
            ``(x, y)`` from the membrane's middle in nm, negative on one side.
        rise : ndarray or float
            By how much the distance grows per nm along z.
        grid : Grid
            Of the specimen.
        rng : Generator
            Of the draw.
        """
        x, y = np.nonzero(np.abs(distance) < grid.spacing / 2)
        keep = (rng.random(x.size) < grid.spacing**2 / SITE_AREA) & (x > 0) & (y > 0)
        keep &= (x < distance.shape[0] - 1) & (y < distance.shape[1] - 1)
        x, y = x[keep], y[keep]
        along_x = (distance[x + 1, y] - distance[x - 1, y]) / (2 * grid.spacing)
        along_y = (distance[x, y + 1] - distance[x, y - 1]) / (2 * grid.spacing)
        along_z = np.broadcast_to(rise, distance.shape)[x, y]
        normals = np.stack([along_z, along_x, along_y], axis=1).astype(np.float64)
        normals[:, 1] += 1e-6
        self.add(np.stack([np.full(x.size, index), x, y], axis=1).astype(np.float64), normals)


def add_embedded(
    excess: Volume,
    grid: Grid,
    sites: Sites,
    rng: np.random.Generator,
    maps: Sequence[Path] = (),
) -> None:
    """Put proteins on some of the places, a few species making up most of them."""
    if not sites.points:
        return
    points, normals = np.concatenate(sites.points), np.concatenate(sites.normals)
    shapes = membrane_proteins(5, grid.spacing, rng, maps)
    abundance = rng.exponential(1, len(shapes))
    count = min(int(len(points) * rng.uniform(0.1, 0.7)), MOST)
    chosen = rng.permutation(len(points))[:count]
    kinds = rng.choice(len(shapes), count, p=abundance / abundance.sum())
    for at, kind in zip(chosen, kinds, strict=True):
        protein = turned(shapes[kind], _onto(normals[at], rng))
        corner = np.rint(points[at]).astype(np.intp) - np.array(protein.shape) // 2
        add_patch(excess, protein, corner)


def _onto(normal: NDArray[np.float64], rng: np.random.Generator) -> Rotation:
    """A rotation that takes z to the normal, with a random spin about it."""
    upright = np.array([[1.0, 0.0, 0.0]])
    spin = Rotation.from_rotvec(rng.uniform(0, 2 * np.pi) * upright[0])
    return Rotation.align_vectors(normal[None], upright)[0] * spin

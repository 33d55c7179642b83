"""Gold beads: drawn into the volume for their fringes, and as shadows for what they absorb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .grid import Grid, Volume, add_patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .layers import Slab

PHASE_DENSITY = 1.0
"""Density of gold above ice in the volume. Weak-phase contrast of the true value would
surround beads with fringes far stronger than real images show."""

ABSORPTION = 18.0
"""What gold absorbs, in units of ice: it scatters electrons out of the objective aperture."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Beads:
    """Solid balls: `centres` ``(n, 3)`` in (z, x, y) and `radii` ``(n,)``, in voxels."""

    centres: NDArray[np.float64]
    radii: NDArray[np.float64]

    @classmethod
    def none(cls) -> Beads:
        """No beads."""
        return cls(centres=np.empty((0, 3)), radii=np.empty(0))

    @classmethod
    def draw(cls, grid: Grid, slab: Slab, rng: np.random.Generator) -> Beads:
        """Beads of mostly 10 nm, most of them on the surfaces of the ice."""
        area = grid.nx * grid.ny * grid.spacing**2
        count = int(np.clip(rng.poisson(rng.uniform(0.5, 9) * area / 1e5), 1, 80))
        diameter = rng.choice([5.0, 10.0, 10.0, 10.0, 15.0])
        centres = grid.random_points(count, rng)
        at = centres[:, 1].astype(int), centres[:, 2].astype(int)
        side = rng.choice([-1.0, 1.0, 0.0], count, p=[0.4, 0.4, 0.2]) * rng.uniform(0.85, 1, count)
        height = slab.middle[at] + slab.half[at] * side
        centres[:, 0] = height / grid.spacing + (grid.nz - 1) / 2
        radii = diameter / 2 * rng.uniform(0.9, 1.1, count) / grid.spacing
        return cls(centres=centres, radii=radii)

    def add_to(self, density: Volume) -> None:
        """Add the balls, their edges one voxel soft, to a volume."""
        for centre, radius in zip(self.centres, self.radii, strict=True):
            corner = np.floor(centre).astype(np.intp)
            half = int(np.ceil(radius)) + 2
            z, x, y = (np.arange(-half, half + 1) - f for f in centre - corner)
            distance = np.sqrt((z**2)[:, None, None] + (x**2)[None, :, None] + y**2)
            ball = PHASE_DENSITY * np.clip(radius - distance + 0.5, 0, 1)
            add_patch(density, ball.astype(np.float32), corner - half)


def project_shadows(
    beads: Beads,
    angles: NDArray[np.float64],
    *,
    centre_zx: tuple[float, float],
    shape: tuple[int, int],
    weights: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Length of every ray inside the beads, in voxels.

    Parameters
    ----------
    beads : Beads
        In voxels of the specimen.
    angles : ndarray
        ``(n,)`` degrees.
    centre_zx : tuple of float
        Rotation centre in the specimen, voxels.
    shape : tuple of int
        Detector ``(y, x)`` pixels as large as voxels; the axis lies at its middle.
    weights : ndarray
        Factor of each bead.

    Returns
    -------
    ndarray
        ``(n, y, x)`` float32.
    """
    lengths = np.zeros((len(angles), *shape), np.float32)
    z, x = beads.centres[:, 0] - centre_zx[0], beads.centres[:, 1] - centre_zx[1]
    radians = np.deg2rad(angles)[:, None]
    q = x * np.cos(radians) + z * np.sin(radians) + (shape[1] - 1) / 2
    for tilt, along_x in zip(lengths, q, strict=True):
        seen = (along_x > -20) & (along_x < shape[1] + 20) & (weights > 0)
        for bead in np.flatnonzero(seen):
            middle = np.array([beads.centres[bead, 2], along_x[bead]])
            disc, corner = _disc(middle, float(beads.radii[bead]))
            add_patch(tilt, disc * np.float32(weights[bead]), corner)
    return lengths


def _disc(middle: NDArray[np.float64], radius: float) -> tuple[Volume, NDArray[np.intp]]:
    """Chord lengths of a ball around `middle` (y, x), and the first pixel of the patch."""
    corner = np.floor(middle).astype(np.intp)
    half = int(np.ceil(radius)) + 2
    y, x = (np.arange(-half, half + 1) - f for f in middle - corner)
    chord = 2 * np.sqrt(np.maximum(radius**2 - (y**2)[:, None] - x**2, 0))
    return chord.astype(np.float32), corner - half

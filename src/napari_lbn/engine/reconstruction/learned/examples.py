"""Simulated volumes with their projections: what filters are learned on and tested with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...geometry import rotation_centre
from ...projection import ProjectionGeometry, Projector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

EDGE_ANGLE = 60.0
"""Degrees up to which the field of view is surrounded by specimen."""
SPECIMEN_SEEDS = 3_000_000
"""Far from those of the networks' training and validation."""
VACUUM = 0.9
"""Density below which a voxel is not all ice, whose density is 1: nothing to find there."""
COLUMNS = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """Tilts to reconstruct from, and what a good reconstruction would be.

    Attributes
    ----------
    tilts : ndarray
        ``(n, y, x)`` float32, mean 0 each.
    angles : ndarray
        ``(n,)`` degrees.
    truth : ndarray or None
        ``(z, y, x)`` density, mean 0; None where only held-out tilts can tell.
    thickness : int
        Of the reconstruction, pixels.
    """

    tilts: NDArray[np.float32]
    angles: NDArray[np.float64]
    truth: NDArray[np.float32] | None
    thickness: int


def simulate_density(seed: int, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Contrast against ice of a procedural specimen ``(z, x, y)``, wider than the field in x.

    The slab of ice itself lies in the missing wedge as a whole: no filter can find it, and
    it would drown what filters can change.

    Parameters
    ----------
    seed : int
        The same seed gives the same specimen.
    shape : tuple of int
        (z, y, x) of the field of view; the specimen is somewhat thinner than z.
    """
    # The simulation stands on reconstruction's neighbours; only training needs it.
    from ...simulation.specimens.settings import SpecimenSettings
    from ...simulation.specimens.specimen import make_specimen

    nz, ny, nx = shape
    settings = SpecimenSettings(
        field=(max(ny, 8), max(nx, 8)),
        views=1,
        thickness=(0.5 * nz, 0.6 * nz),
        max_angle=EDGE_ANGLE,
        oversampling=1,
        margin=0,
        beads=0.0,
        carbon=0.0,
    )
    density = make_specimen(settings, SPECIMEN_SEEDS + seed).density[..., :ny]
    density = np.where(density > VACUUM, density - 1, np.float32(0))
    spare = nz - density.shape[0]
    if spare >= 0:
        return np.pad(density, ((spare // 2, spare - spare // 2), (0, 0), (0, 0)))
    return density[-spare // 2 :][:nz]


def project_density(
    density: NDArray[np.float32], angles: Sequence[float] | NDArray[np.float64], nx: int
) -> NDArray[np.float32]:
    """Noise-free tilts ``(n, y, x)`` of a specimen ``(z, x, y)`` at any angles.

    Regenerating projections at the angles of real data is this, at those angles.
    """
    geometry = ProjectionGeometry(
        angles=tuple(float(angle) for angle in angles),
        nx=density.shape[1],
        nz=density.shape[0],
        n_detector=nx,
        footprint="distance",
    )
    projector = Projector(geometry)
    parts = [
        projector(torch.from_numpy(np.ascontiguousarray(density[..., start : start + COLUMNS])))
        for start in range(0, density.shape[2], COLUMNS)
    ]
    return torch.cat(parts, dim=-1).transpose(1, 2).contiguous().numpy()


def make_example(
    density: NDArray[np.float32],
    angles: Sequence[float] | NDArray[np.float64],
    nx: int,
    *,
    snr: float,
    seed: int,
) -> Example:
    """Noisy tilts of a specimen at some angles, and the field of view's density as truth.

    Parameters
    ----------
    density : ndarray
        ``(z, x, y)`` of `simulate_density`.
    angles : sequence of float
        Degrees.
    nx : int
        Width of the field of view.
    snr : float
        Variance of the untilted projection over that of the noise.
    seed : int
        Of the noise.
    """
    clean = project_density(density, angles, nx)
    untilted = int(np.argmin(np.abs(np.asarray(angles))))
    sigma = float(clean[untilted].std()) / np.sqrt(snr)
    noise = np.random.default_rng([seed, 5]).normal(0, sigma, clean.shape)
    tilts = (clean + noise).astype(np.float32)
    start = round(rotation_centre(density.shape[1]) - rotation_centre(nx))
    truth = density[:, start : start + nx].transpose(0, 2, 1)
    return Example(
        tilts=tilts - tilts.mean((1, 2), keepdims=True),
        angles=np.asarray(angles, np.float64),
        truth=np.ascontiguousarray(truth - truth.mean(), np.float32),
        thickness=density.shape[0],
    )


def simulated_examples(
    seeds: Sequence[int],
    shape: tuple[int, int, int],
    angles: Sequence[float] | NDArray[np.float64],
    *,
    snr: float = 0.5,
) -> Iterator[Example]:
    """An example for each seed; `shape` is (z, y, x)."""
    for seed in seeds:
        density = simulate_density(seed, shape)
        yield make_example(density, angles, shape[2], snr=snr, seed=seed)

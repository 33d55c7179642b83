"""What a user could do without a network: the predictions that LBN has to beat.

Every function predicts tilts at target angles from visible ones only; tilts are
``(n, y, x)``, angles degrees, ascending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter

from ...angular_weights import measured_weights
from ...geometry import HALF_TURN

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

Predictor: TypeAlias = (
    "Callable[[NDArray[np.float32], ArrayLike, ArrayLike, int], NDArray[np.float32]]"
)
"""``predictor(tilts, angles, targets, thickness)``."""

Share: TypeAlias = tuple[int, bool, float]
"""A visible tilt's index, whether it is mirrored in x, and its weight in a prediction."""


def neighbour_shares(angles: ArrayLike, target: float) -> list[Share]:
    """Which two tilts `neighbours` interpolates between at one angle, and their weights."""
    values = np.asarray(angles, dtype=np.float64)
    last = values.size - 1
    ring = np.concatenate([[values[-1] - HALF_TURN], values, [values[0] + HALF_TURN]])
    tilts = [(last, True), *((i, False) for i in range(values.size)), (0, True)]
    right = int(np.clip(np.searchsorted(ring, target), 1, ring.size - 1))
    share = float((target - ring[right - 1]) / (ring[right] - ring[right - 1]))
    return [(*tilts[right - 1], 1 - share), (*tilts[right], share)]


def nearest_shares(angles: ArrayLike, target: float) -> list[Share]:
    """Which tilt `nearest` takes at one angle."""
    distance = np.abs(np.asarray(angles, dtype=np.float64) - target)
    around = HALF_TURN - distance
    if around.min() < distance.min():
        return [(int(around.argmin()), True, 1.0)]
    return [(int(distance.argmin()), False, 1.0)]


def weighted_sum(tilts: NDArray[np.float32], shares: list[Share]) -> NDArray[np.float32]:
    """The tilt ``(y, x)`` that shares of tilts ``(n, y, x)`` make up."""
    images = [np.float32(w) * (tilts[i][:, ::-1] if m else tilts[i]) for i, m, w in shares]
    return np.sum(images, axis=0, dtype=np.float32)


def neighbours(
    tilts: NDArray[np.float32], angles: ArrayLike, targets: ArrayLike
) -> NDArray[np.float32]:
    """Linear interpolation in angle between the two neighbouring tilts.

    Beyond the last tilt the other neighbour is the first one plus 180 degrees, mirrored.
    """
    wanted = np.asarray(targets, dtype=np.float64)
    return np.stack([weighted_sum(tilts, neighbour_shares(angles, t)) for t in wanted])


def nearest(
    tilts: NDArray[np.float32], angles: ArrayLike, targets: ArrayLike
) -> NDArray[np.float32]:
    """The visible tilt whose angle is nearest on the half circle, mirrored across 90 degrees."""
    wanted = np.asarray(targets, dtype=np.float64)
    return np.stack([weighted_sum(tilts, nearest_shares(angles, t)) for t in wanted])


def re_projected(
    tomogram: NDArray[np.float32], targets: ArrayLike, *, device: str = "cpu"
) -> NDArray[np.float32]:
    """Line integrals ``(m, y, x)`` of a tomogram ``(z, y, x)`` at target angles in degrees."""
    import torch

    from ...projection import ProjectionGeometry, Projector

    geometry = ProjectionGeometry(
        angles=tuple(float(t) for t in np.asarray(targets)),
        nx=tomogram.shape[2],
        nz=tomogram.shape[0],
        footprint="distance",
    )
    columns = torch.from_numpy(np.ascontiguousarray(tomogram.transpose(0, 2, 1))).to(device)
    return Projector(geometry, device=device)(columns).permute(0, 2, 1).cpu().numpy()


def wbp_reprojection(
    tilts: NDArray[np.float32], angles: ArrayLike, targets: ArrayLike, thickness: int
) -> NDArray[np.float32]:
    """Re-projection of the weighted back-projection of the visible tilts.

    Parameters
    ----------
    tilts : ndarray
        ``(n, y, x)``, the visible ones.
    angles : array_like
        ``(n,)`` degrees, ascending.
    targets : array_like
        ``(m,)`` degrees to re-project at.
    thickness : int
        Of the tomogram, in pixels.
    """
    from ...reconstruction.wbp import WBPSettings, back_project_slab

    weights = measured_weights(angles)
    settings = WBPSettings(thickness=thickness)
    tomogram = back_project_slab(tilts, np.asarray(angles), weights, settings)
    return re_projected(tomogram, targets)


def training_baselines() -> dict[str, Predictor]:
    """What a training has to beat, by name: the lines in its curves."""
    return {
        "neighbours": lambda tilts, angles, targets, _: neighbours(tilts, angles, targets),
        "WBP re-projection": wbp_reprojection,
    }


def sirt_slab(
    tilts: NDArray[np.float32],
    angles: ArrayLike,
    thickness: int,
    *,
    iterations: int = 15,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Simultaneous iterative reconstruction of tilts that are in memory.

    Parameters
    ----------
    tilts : ndarray
        ``(n, y, x)``, mean 0 each.
    angles : array_like
        ``(n,)`` degrees.
    thickness : int
        Pixels.
    iterations : int
        Few, because noise grows with them.
    device : str
        Of the products.

    Returns
    -------
    ndarray
        ``(z, y, x)`` float32.
    """
    import torch

    from ...projection import ProjectionGeometry, Projector

    geometry = ProjectionGeometry(
        angles=tuple(float(t) for t in np.asarray(angles)),
        nx=tilts.shape[2],
        nz=thickness,
        footprint="distance",
    )
    project = Projector(geometry, device=device)
    data = torch.from_numpy(np.ascontiguousarray(tilts.transpose(0, 2, 1))).to(device)
    ones = torch.ones(*project.domain_shape, 1, device=device)
    rays = project(ones).clamp_min(1.0)
    hits = project.T(torch.ones(*project.range_shape, 1, device=device)).clamp_min(1e-3)
    volume = torch.zeros(*project.domain_shape, data.shape[2], device=device)
    for _ in range(iterations):
        volume += project.T((data - project(volume)) / rays) / hits
    return np.ascontiguousarray(volume.permute(0, 2, 1).cpu().numpy())


def low_passed(tilts: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian low-pass of each tilt; `sigma` in pixels."""
    if sigma == 0:
        return tilts
    return gaussian_filter(tilts, (0, sigma, sigma), mode="nearest")

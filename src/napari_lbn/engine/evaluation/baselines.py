"""What a user could do without a network: the predictions that LBN has to beat.

Every function predicts tilts at target angles from visible ones only; tilts are
``(n, y, x)``, angles degrees, ascending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from ..geometry import HALF_TURN, measured_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def neighbours(
    tilts: NDArray[np.float32], angles: ArrayLike, targets: ArrayLike
) -> NDArray[np.float32]:
    """Linear interpolation in angle between the two neighbouring tilts.

    Beyond the last tilt the other neighbour is the first one plus 180 degrees, mirrored.
    """
    values = np.asarray(angles, dtype=np.float64)
    first, last = tilts[0][:, ::-1], tilts[-1][:, ::-1]
    ring = np.concatenate([[values[-1] - HALF_TURN], values, [values[0] + HALF_TURN]])
    images = [last, *tilts, first]
    out = []
    for target in np.asarray(targets, dtype=np.float64):
        right = int(np.clip(np.searchsorted(ring, target), 1, ring.size - 1))
        share = (target - ring[right - 1]) / (ring[right] - ring[right - 1])
        out.append((1 - share) * images[right - 1] + share * images[right])
    return np.asarray(out, dtype=np.float32)


def nearest(
    tilts: NDArray[np.float32], angles: ArrayLike, targets: ArrayLike
) -> NDArray[np.float32]:
    """The visible tilt whose angle is nearest on the half circle, mirrored across 90 degrees."""
    values = np.asarray(angles, dtype=np.float64)
    out = []
    for target in np.asarray(targets, dtype=np.float64):
        distance = np.abs(values - target)
        around = HALF_TURN - distance
        if around.min() < distance.min():
            out.append(tilts[int(around.argmin())][:, ::-1])
        else:
            out.append(tilts[int(distance.argmin())])
    return np.asarray(out, dtype=np.float32)


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
    import torch

    from ..projection import ProjectionGeometry, Projector
    from ..reconstruction.wbp import WBPSettings, back_project_slab

    weights = measured_weights(angles)
    settings = WBPSettings(thickness=thickness)
    tomogram = back_project_slab(tilts, np.asarray(angles), weights, settings)
    geometry = ProjectionGeometry(
        angles=tuple(float(t) for t in np.asarray(targets)),
        nx=tilts.shape[2],
        nz=thickness,
        footprint="distance",
    )
    columns = torch.from_numpy(np.ascontiguousarray(tomogram.transpose(0, 2, 1)))
    return Projector(geometry)(columns).permute(0, 2, 1).numpy()


def low_passed(tilts: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian low-pass of each tilt; `sigma` in pixels."""
    if sigma == 0:
        return tilts
    return gaussian_filter(tilts, (0, sigma, sigma), mode="nearest")

"""Learned filters to look at: the plane of each tilt, and the profile of figure 9."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from .grids import hermitian_pad, padded_size, radius_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import LearnedFilter


def plane_response(model: LearnedFilter) -> NDArray[np.float32]:
    """The response in the image plane, zero frequency in the middle: ``(n, ky, kx)``.

    One plane a tilt (for "3d" one a tilt frequency), or a single one shared by all.
    """
    with torch.no_grad():
        plane = model.plane_for(model.config.shape).detach().cpu()
    width = padded_size(model.config.shape, padding=model.config.padding)[1]
    return np.asarray(hermitian_pad(plane, width).numpy(), np.float32)


def radial_profile(
    model: LearnedFilter, *, normalized: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean response over tilts and directions against the radius.

    Parameters
    ----------
    model : LearnedFilter
        Any variant.
    normalized : bool
        As in figure 9 of the document: divided by its largest value.

    Returns
    -------
    radius : ndarray
        0 to 1, the Nyquist frequency.
    profile : ndarray
        Of the same length.
    """
    grid = padded_size(model.config.shape, padding=model.config.padding)
    with torch.no_grad():
        plane = (
            model.plane_for(model.config.shape).detach().cpu().mean(0).numpy().astype(np.float64)
        )
    radius = radius_grid(grid).numpy()
    count = min(grid) // 2
    bins = np.rint(radius * 2 * count).astype(int)
    # Each column stands for its mirror image too, the first one for itself alone.
    weight = np.full(plane.shape, 2.0)
    weight[:, 0] = 1.0
    inside = bins <= count
    total = np.bincount(bins[inside], (weight * plane)[inside], count + 1)
    profile = total / np.maximum(np.bincount(bins[inside], weight[inside], count + 1), 1)
    largest = np.abs(profile).max()
    if normalized and largest > 0:
        profile = profile / largest
    return np.arange(count + 1) / count, profile

"""A learned filter taken to another set of tilt angles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...geometry import median_increment
from .model import LearnedFilter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

TransferMethod: TypeAlias = Literal["linear", "polynomial"]
ORDER = 4
"""Of the polynomial over the angle: what the document found best."""


def transfer(
    model: LearnedFilter, angles: ArrayLike, *, method: TransferMethod = "polynomial"
) -> LearnedFilter:
    """The filter at other angles, without any data.

    A filter for each tilt is interpolated over the angle at every frequency, linearly
    (constant beyond the ends) or by a polynomial of 4th order fitted by least squares.
    What runs over the tilt index is taken to the new increment as a function of cycles
    per degree. Filters shared by all tilts stay as they are. The third way, projections
    regenerated at the new angles, is training on `examples.project_density` of them.

    Parameters
    ----------
    model : LearnedFilter
        Left as it is.
    angles : array_like
        New tilt angles in degrees, ascending.
    method : {"linear", "polynomial"}
        See above.

    Raises
    ------
    InputError
        An unknown method.
    """
    if method not in ("linear", "polynomial"):
        raise InputError(f"Unknown way {method!r} to transfer a filter.", "linear or polynomial.")
    new = np.asarray(angles, np.float64)
    old = np.asarray(model.config.angles)
    moved = LearnedFilter(replace(model.config, angles=tuple(new)))
    with torch.no_grad():
        if model.plane is not None and moved.plane is not None:
            plane = model.plane.detach().cpu()
            if model.config.variant == "tilt-2d":
                plane = over_angle(old, new, method) @ plane.flatten(1)
            elif model.config.variant == "3d":
                plane = over_tilt_frequency(old, new) @ plane.flatten(1)
            moved.plane.copy_(plane.reshape(moved.plane.shape))
        if model.along is not None and moved.along is not None:
            moved.along.copy_(over_tilt_frequency(old, new) @ model.along.detach().cpu())
    return moved


def over_angle(
    old: NDArray[np.float64], new: NDArray[np.float64], method: TransferMethod
) -> Tensor:
    """Matrix ``(new, old)`` that takes values at old angles to new ones."""
    if method == "linear":
        rows = [np.interp(new, old, unit) for unit in np.eye(len(old))]
        return torch.from_numpy(np.stack(rows, axis=1)).float()
    middle, half = (old[0] + old[-1]) / 2, max(np.ptp(old) / 2, 1e-9)
    order = min(ORDER, len(old) - 1)
    fit = np.polynomial.legendre.legvander((old - middle) / half, order)
    # A polynomial says nothing beyond the angles it was fitted to.
    at = np.clip((new - middle) / half, -1, 1)
    evaluate = np.polynomial.legendre.legvander(at, order)
    return torch.from_numpy(evaluate @ np.linalg.pinv(fit)).float()


def over_tilt_frequency(old: NDArray[np.float64], new: NDArray[np.float64]) -> Tensor:
    """Matrix ``(new, old)`` between responses over the tilt index, even in frequency."""
    per_degree = np.fft.fftfreq(len(old)) / median_increment(old)
    wanted = np.abs(np.fft.fftfreq(len(new)) / median_increment(new))
    half = np.flatnonzero(np.fft.fftfreq(len(old)) >= 0)
    matrix = np.zeros((len(new), len(old)))
    for column in half:
        unit = np.zeros(len(half))
        unit[column] = 1
        values = np.interp(wanted, per_degree[half], unit)
        mirror = -column % len(old)
        # Both signs of a frequency were learned: take their mean.
        matrix[:, column] += values / 2
        matrix[:, mirror] += values / 2
    return torch.from_numpy(matrix).float()

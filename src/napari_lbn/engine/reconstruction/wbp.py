"""Weighted back-projection of whole tilt series, under a memory bound.

``f(x, y, z) = sum over tilts of weight * (ramp * tilt)(q, y)``, the paper's appendix A.3
with the integral over the half circle as a sum of angular weights in radians. With the
full half circle measured, the tomogram is the specimen's density per pixel. It is
linear in the tilts: tomogram(alpha) = measured + alpha * synthesized.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..angular_weights import measured_weights
from ..errors import InputError
from ..events import Progress, SlabReady, raise_if_cancelled
from .parts import part_in_words
from .plan import plan_slabs
from .settings import WBPSettings
from .slab import SlabReconstructor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from ..events import CancelToken, Job

ReadRows: TypeAlias = Callable[[slice], "NDArray[np.float32]"]
"""Gives rows of y of every tilt, ``(n_tilts, rows, x)``."""

__all__ = ["WBPSettings", "back_project_slab", "reconstruct"]


def back_project_slab(
    tilts: NDArray[np.float32] | Tensor,
    angles: ArrayLike,
    weights: ArrayLike | None,
    settings: WBPSettings,
) -> NDArray[np.float32]:
    """Weighted back-projection of tilts that are in memory.

    Parameters
    ----------
    tilts : ndarray or Tensor
        ``(n_tilts, y, x)``; all rows or some, each row is reconstructed on its own.
    angles : array_like
        ``(n_tilts,)`` degrees, ascending.
    weights : array_like or None
        ``(n_tilts,)`` radians, of `angular_weights.measured_weights` or `synthesized_weights`;
        the former by default.
    settings : WBPSettings
        Thickness, filter, device and memory bound.

    Returns
    -------
    ndarray
        ``(z, y, x)`` float32.

    Raises
    ------
    InputError
        Numbers of tilts, angles and weights that differ.
    MemoryBoundError
        Not even one row fits.
    """
    n_tilts, ny, nx = tilts.shape
    angles, weights = _checked(angles, weights)
    if len(angles) != n_tilts:
        raise InputError(f"{len(angles)} tilt angles for {n_tilts} tilts.")
    plan = plan_slabs(len(angles), (ny, nx), settings)
    reconstructor = SlabReconstructor(angles, weights, nx, settings, plan)
    volume = np.empty((settings.thickness, ny, nx), np.float32)
    for start in range(0, ny, plan.rows):
        rows = slice(start, start + plan.rows)
        for _ in reconstructor.fill(tilts[:, rows], volume[:, rows]):
            pass
    return volume


def reconstruct(
    read_rows: ReadRows,
    angles: ArrayLike,
    weights: ArrayLike | None,
    shape_yx: tuple[int, int],
    settings: WBPSettings,
    *,
    part: str = "measured",
    cancel: CancelToken | None = None,
    fractions: tuple[float, float] = (0.0, 1.0),
) -> Job[None]:
    """Weighted back-projection, slab by slab of y, of tilts that are read as needed.

    Parameters
    ----------
    read_rows : callable
        Takes a slice of y and gives ``(n_tilts, rows, x)``.
    angles, weights, settings
        As for `back_project_slab`.
    shape_yx : tuple of int
        Size of the tilts in pixels.
    part : str
        What the slabs are labelled with: "measured" or "synthesized".
    cancel : CancelToken, optional
        Checked between blocks.
    fractions : tuple of float
        Where this part of a job begins and ends, for its progress.

    Yields
    ------
    Progress, SlabReady
        Slabs in ascending y, which together make up the tomogram.

    Raises
    ------
    InputError, MemoryBoundError
        As for `back_project_slab`.
    Cancelled
        The token was set.
    """
    angles, weights = _checked(angles, weights)
    ny, nx = shape_yx
    plan = plan_slabs(len(angles), shape_yx, settings)
    reconstructor = SlabReconstructor(angles, weights, nx, settings, plan)
    n_blocks = len(reconstructor.blocks)
    starts = range(0, ny, plan.rows)
    total = len(starts) * n_blocks
    for index, start in enumerate(starts):
        raise_if_cancelled(cancel)
        stop = min(start + plan.rows, ny)
        tilts = read_rows(slice(start, stop))
        _check_tilts(tilts, (len(angles), stop - start, nx))
        slab = np.empty((settings.thickness, stop - start, nx), np.float32)
        for block in reconstructor.fill(tilts, slab):
            raise_if_cancelled(cancel)
            yield _progress(part, index * n_blocks + block, total, fractions)
        yield SlabReady(part=part, y_start=start, y_stop=stop, slab=slab)


def _checked(
    angles: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles and weights as arrays of equal length."""
    angles = np.asarray(angles, dtype=np.float64)
    if weights is None:
        weights = measured_weights(angles)
    weights = np.asarray(weights, dtype=np.float64)
    if angles.ndim != 1 or angles.shape != weights.shape or angles.size == 0:
        raise InputError(
            f"Tilt angles {angles.shape} and weights {weights.shape} must be two lists of "
            "equal length, not empty."
        )
    return angles, weights


def _check_tilts(tilts: NDArray[np.float32], shape: tuple[int, int, int]) -> None:
    if tilts.shape != shape:
        raise InputError(f"Expected tilts of shape {shape}, not {tuple(tilts.shape)}.")


def _progress(part: str, done: int, total: int, fractions: tuple[float, float]) -> Progress:
    start, stop = fractions
    return Progress(
        stage=f"Reconstructing {part_in_words(part)}",
        done=done,
        total=total,
        fraction=start + (stop - start) * done / total,
    )

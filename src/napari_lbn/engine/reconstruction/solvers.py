"""SIRT and the primal-dual scheme for total variation, on one slab in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from .iterative_settings import SIRTSettings, TVSettings
    from .slab_operator import SlabOperator

TINY = 1e-6


def solve_sirt(
    operator: SlabOperator, tilts: Tensor, weights: Tensor, settings: SIRTSettings
) -> Generator[float, None, Tensor]:
    """``x += C A.T R (tilts - A x)``, C and R the inverse sums of A's columns and rows.

    Parameters
    ----------
    operator : SlabOperator
        A and A.T.
    tilts : Tensor
        ``(n_tilts, x, rows)``.
    weights : Tensor
        ``(n_tilts,)`` how much each tilt counts.
    settings : SIRTSettings
        Iterations, relaxation and non-negativity.

    Yields
    ------
    float
        Squared norm of ``A x - tilts`` before each step.

    Returns
    -------
    Tensor
        ``(z, x, rows)``, margins included.
    """
    by_ray = weights[:, None, None] * _inverse(operator.ray_sums)
    by_voxel = settings.relaxation * _inverse(operator.voxel_sums(weights))
    volume = tilts.new_zeros(*operator.volume_shape, tilts.shape[2])
    for _ in range(settings.iterations):
        residual = tilts - operator.project(volume)
        norm = _squared(residual)
        volume += by_voxel * operator.back_project(residual.mul_(by_ray))
        if settings.non_negative:
            volume.clamp_(min=0)
        yield norm
    return volume


def solve_tv(
    operator: SlabOperator, tilts: Tensor, weights: Tensor, settings: TVSettings, penalty: float
) -> Generator[float, None, Tensor]:
    """Chambolle & Pock's primal-dual scheme with diagonal preconditioning (2011).

    Minimizes ``1/2 sum w (A x - tilts)^2 + penalty * TV(x)``, `penalty` being lambda;
    other parameters and results as for `solve_sirt`.
    """
    step_rays = _inverse(operator.ray_sums)
    seen = operator.voxel_sums(torch.ones_like(weights))
    volume = tilts.new_zeros(*operator.volume_shape, tilts.shape[2])
    axes = [axis for axis in range(3) if volume.shape[axis] > 1]
    step_voxels = 1 / (seen + 2 * len(axes))
    damp = 1 / (1 + step_rays / weights[:, None, None].clamp(min=TINY))
    ahead, dual_rays = volume.clone(), torch.zeros_like(tilts)
    dual_slopes = [torch.zeros_like(volume) for _ in axes]
    for _ in range(settings.iterations):
        residual = operator.project(ahead) - tilts
        norm = _squared(residual)
        dual_rays = damp * (dual_rays + step_rays * residual)
        for dual, axis in zip(dual_slopes, axes, strict=True):
            _add_slope(dual, ahead, axis, 0.5)
        _shrink(dual_slopes, penalty)
        gradient = operator.back_project(dual_rays)
        for dual, axis in zip(dual_slopes, axes, strict=True):
            _add_slope_adjoint(gradient, dual, axis)
        ahead = volume
        volume = ahead - step_voxels * gradient
        if settings.non_negative:
            volume.clamp_(min=0)
        ahead = 2 * volume - ahead
        yield norm
    return volume


def _add_slope(dual: Tensor, volume: Tensor, axis: int, factor: float) -> None:
    """Add `factor` times the forward difference along an axis; the last one is 0."""
    size = volume.shape[axis] - 1
    slope = volume.narrow(axis, 1, size) - volume.narrow(axis, 0, size)
    dual.narrow(axis, 0, size).add_(slope, alpha=factor)


def _add_slope_adjoint(volume: Tensor, dual: Tensor, axis: int) -> None:
    size = volume.shape[axis] - 1
    inner = dual.narrow(axis, 0, size)
    volume.narrow(axis, 1, size).add_(inner)
    volume.narrow(axis, 0, size).sub_(inner)


def _shrink(duals: list[Tensor], limit: float) -> None:
    """Bring the length of the slope's dual at each voxel to at most `limit`."""
    length = torch.zeros_like(duals[0])
    for dual in duals:
        length.addcmul_(dual, dual)
    if limit == 0:
        for dual in duals:
            dual.zero_()
        return
    length.sqrt_().div_(limit).clamp_(min=1)
    for dual in duals:
        dual.div_(length)


def _inverse(sums: Tensor) -> Tensor:
    """One over each sum; 0 for rays that miss the volume and voxels that no ray meets."""
    return torch.where(sums > TINY, 1 / sums.clamp(min=TINY), torch.zeros_like(sums))


def _squared(array: Tensor) -> float:
    return float((array.double() ** 2).sum())

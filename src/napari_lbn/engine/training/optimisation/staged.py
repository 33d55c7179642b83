"""The network's forward pass in stages whose activations can be computed again.

GroupNorm's statistics belong to one tilt each, so encoder and decoder give the same result
for all tilts together or a few at a time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.checkpoint import checkpoint

from ...network.coarse import known_shares
from ...network.latent_grid import LatentGrid
from ...network.latent_projection import re_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike
    from torch import Tensor

    from ...network import LBN


def predict(
    network: LBN,
    tilts: Tensor,
    angles: ArrayLike,
    targets: ArrayLike,
    *,
    thickness: int | None = None,
    tilts_together: int = 0,
) -> Tensor:
    """Predict tilts at target angles; the same result as calling the network.

    Parameters
    ----------
    network : LBN
        In training or evaluation mode.
    tilts : Tensor
        ``(n, 1, y, x)`` normalised.
    angles, targets : array_like
        Degrees, ``(n,)`` and ``(m,)``.
    thickness : int, optional
        Pixels; None for a square latent volume.
    tilts_together : int
        Tilts encoded or decoded at once, their activations not kept; 0 is all, kept.

    Returns
    -------
    Tensor
        ``(m, 1, y, x)``.
    """
    if not tilts_together:
        return network(tilts, angles, targets, thickness)
    size = (tilts.shape[-2], tilts.shape[-1])
    grid = LatentGrid.of(network.config, size[1], thickness)
    latents = _in_parts(network.encode, tilts, tilts_together)
    volume = network.tomography.back_project(latents, angles, grid)
    volume = _again(network.correct, volume)
    volume = network.complete(volume, latents, angles, grid)
    projected = re_project(volume, targets, grid).split(tilts_together)
    known = known_shares(angles, targets, tilts.device).split(tilts_together)
    made = [
        _again(partial(network.decode, size=size, known=share), part)
        for part, share in zip(projected, known, strict=True)
    ]
    return torch.cat(made)


def _in_parts(stage: Callable[[Tensor], Tensor], images: Tensor, count: int) -> Tensor:
    return torch.cat([_again(stage, part) for part in images.split(count)])


def _again(stage: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
    """Run a stage; where gradients are wanted, forget its activations until they are needed."""
    if not torch.is_grad_enabled():
        return stage(value)
    # no stage draws random numbers, so their state need not be kept either
    out: Any = checkpoint(stage, value, use_reentrant=False, preserve_rng_state=False)
    return out

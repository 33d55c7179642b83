"""What changes slowly over the image is settled by linear tomography alone.

The levels of cytoplasm and ice differ most from specimen to specimen, so a learned part
bends them, and the few updates of the latent volume converge slowly for details many latent
pixels wide. So, as on the coarse level of a multigrid solver, many cheap updates of one
low-passed channel bring the image channels of the latent volume to what the measured tilts
agree on, and the refinement of the decoded tilts adds nothing that is as coarse. Far from any
measured tilt, deep in the missing wedge, nothing measured tells either, and it may.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..geometry import HALF_TURN

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

NEAR, FAR = 10.0, 30.0
"""Degrees from the nearest measured tilt: what is coarse is all measured, or all learned."""
SAMPLES = 2
"""A latent pixel along x and z; what is coarse needs no more."""


def low_passed(images: Tensor, sigmas: tuple[float, float]) -> Tensor:
    """Gaussian low-pass of ``(n, 1, y, x)``; `sigmas` along y and x in samples."""
    # estimates of cost run on torch's meta device, which knows no autocast
    device = "cpu" if images.is_meta else images.device.type
    with torch.autocast(device, enabled=False):
        for sigma, (down, right) in zip(sigmas, ((1, 0), (0, 1)), strict=True):
            radius = math.ceil(3 * sigma)
            at = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
            taps = torch.exp(-0.5 * (at / sigma) ** 2)
            sides = (radius * right, radius * right, radius * down, radius * down)
            padded = functional.pad(images.float(), sides, mode="replicate")
            shape = (1, 1, -1, 1) if down else (1, 1, 1, -1)
            images = functional.conv2d(padded, (taps / taps.sum()).view(shape))
    return images


def known_shares(angles: ArrayLike, targets: ArrayLike, device: torch.device) -> Tensor:
    """How far the measured tilts tell what is coarse at target angles: ``(m,)``, 0 to 1.

    Parameters
    ----------
    angles, targets : array_like
        ``(n,)`` measured ones and ``(m,)``, degrees, on the half circle.
    device : torch.device
        Of the result.
    """
    apart = np.abs(np.subtract.outer(np.asarray(targets, float), np.asarray(angles, float)))
    apart = np.abs((apart + HALF_TURN / 2) % HALF_TURN - HALF_TURN / 2).min(axis=1)
    shares = np.clip((FAR - apart) / (FAR - NEAR), 0, 1)
    return torch.as_tensor(shares, dtype=torch.float32, device=device)


def refined(coarse: Tensor, rows: int, pool: int) -> Tensor:
    """A coarse volume on the lattice of the image channels, interpolated along y.

    Parameters
    ----------
    coarse : Tensor
        ``(z, x, 1, y)``: means over the `rows` image rows of each latent row.
    rows : int
        Image rows of a latent row.
    pool : int
        Finer samples in one along z and x.

    Returns
    -------
    Tensor
        ``(pool * z, pool * x, rows, y)``; a ray meets `pool` times as many voxels.
    """
    before = torch.cat([coarse[..., :1], coarse[..., :-1]], dim=-1)
    after = torch.cat([coarse[..., 1:], coarse[..., -1:]], dim=-1)
    # image row r of a latent row lies (r - (rows - 1) / 2) / rows from the middle of its mean
    offset = (torch.arange(rows, dtype=coarse.dtype, device=coarse.device) - (rows - 1) / 2) / rows
    share = offset.view(-1, 1)
    other = torch.where(share < 0, before, after)
    lines = (coarse + share.abs() * (other - coarse)) / pool
    return lines.repeat_interleave(pool, 0).repeat_interleave(pool, 1)

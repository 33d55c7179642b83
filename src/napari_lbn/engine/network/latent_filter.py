"""The filter of the latents along x before they are back-projected (paper A.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..angular_weights import measured_weights
from ..geometry import HALF_TURN
from ..reconstruction.filters import filter_response, filter_tilts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .config import LBNConfig


COARSE = 64.0
"""Samples of the interleaved latents; the ramp's response is 1 / 64 at this wavelength."""


def ring_weights(angles: ArrayLike) -> NDArray[np.float64]:
    """Angular weight of each tilt in radians, for angles anywhere on the half circle.

    With the random angle offset of training the measured range wraps around 90 degrees;
    the widest gap on the ring is then the missing wedge, which no tilt counts.
    """
    values = np.asarray(angles, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    ring = values[order]
    gaps = np.diff(ring, append=ring[0] + HALF_TURN)
    start = (int(np.argmax(gaps)) + 1) % ring.size
    unrolled = np.roll(ring, -start)
    unrolled[ring.size - start :] += HALF_TURN
    weights = np.empty_like(values)
    weights[np.roll(order, -start)] = measured_weights(unrolled)
    return weights


@dataclass(frozen=True, kw_only=True, eq=False)
class FilterLimits:
    """Bounds of the filters with which updates of the latent volume converge.

    Attributes
    ----------
    level : float
        Lowest response, for what changes slowly.
    cap : Tensor or None
        ``(n,)``, highest response of each tilt. Where the slices of the tilts no longer
        overlap in Fourier space, each counts once, however far apart they are: the ramp
        ends there, as in exact weighting (Harauz and van Heel).
    """

    level: float
    cap: Tensor | None

    def capped(self, response: Tensor) -> Tensor:
        """A response ``(f,)`` as ``(n, 1, 1, f)`` within the caps of the tilts."""
        if self.cap is None:
            return response
        return torch.minimum(response, self.cap.to(response).view(-1, 1, 1, 1))


def filter_latents(
    latents: Tensor, config: LBNConfig, margin: int = 0, limits: FilterLimits | None = None
) -> Tensor:
    """Filter interleaved latents ``(n, c, y, x)`` along x: by the ramp, a constant, a soft ramp.

    Parameters
    ----------
    latents : Tensor
        Interleaved; where there are no more than the image's channels, it is some of those.
    config : LBNConfig
        Says how many channels each filter takes; the soft ramp takes the image's.
    margin : int
        Samples to add on each side.
    limits : FilterLimits, optional
        Bounds of the responses; by default the ramp is as it is, and the constant its
        response at a coarse detail.

    Returns
    -------
    Tensor
        ``(n, c, y, x + 2 * margin)``: the latents' continuation beyond the edges included.
    """
    image = min(config.downsampling, latents.shape[1]) if config.image_channels else 0
    learned = latents.shape[1] - image
    plain = round(config.unfiltered * learned)
    limits = limits or FilterLimits(level=1 / COARSE, cap=None)

    def ramp(length: int) -> Tensor:
        response = filter_response(config.latent_filter, length, dtype=torch.float64)
        return limits.capped(response)

    def constant(length: int) -> Tensor:
        return torch.full((length // 2 + 1,), limits.level)

    def soft(length: int) -> Tensor:
        response = torch.arange(length // 2 + 1) / length
        return limits.capped(response.clamp(limits.level, max(config.ramp_limit, limits.level)))

    sizes = (learned - plain, plain, image)
    parts = zip(latents.split(sizes, dim=1), (ramp, constant, soft), strict=True)
    return torch.cat([filter_tilts(p, f, margin=margin) for p, f in parts if p.numel()], dim=1)

"""Filters of weighted back-projection, along x of each tilt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from scipy.fft import next_fast_len

from .responses import FilterName, filter_response, ramp_response

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FilterName", "filter_response", "filter_tilts", "ramp_response"]

EdgeExtension: TypeAlias = Literal["taper", "zero"]
Response: TypeAlias = Callable[[int], "Tensor"]
"""Gives the response for lines of n pixels, to be broadcast against ``(..., n // 2 + 1)``."""

EDGE_SHARE = 1 / 8
"""Share of a line's width that is mirrored beyond each of its ends."""


def filter_tilts(
    tilts: Tensor,
    name: FilterName | Response,
    *,
    pad: EdgeExtension = "taper",
    margin: int = 0,
) -> Tensor:
    """Filter every line of x; linear in the tilts, and differentiable.

    A specimen wider than the field of view would ring at the x edges if lines ended
    there. So each line goes on beyond its ends, mirrored and fading into the mean of its
    own edge, and from there smoothly to the other edge.

    Parameters
    ----------
    tilts : Tensor
        ``(..., x)`` floating point.
    name : FilterName or callable
        A filter that asks for no geometry, or what gives the response for a length.
    pad : {"taper", "zero"}
        What lies beyond the ends: see above, or nothing, for a specimen in free space.
    margin : int
        Pixels of the filtered extension to keep on each side.

    Returns
    -------
    Tensor
        ``(..., x + 2 * margin)``.
    """
    width = tilts.shape[-1]
    length = next_fast_len(2 * (width + margin) + 1, real=True)
    padded = torch.cat([tilts, _beyond(tilts, length - width, pad)], dim=-1)
    wanted = name(length) if callable(name) else filter_response(name, length, dtype=torch.float64)
    response = wanted.to(device=tilts.device, dtype=tilts.dtype)
    filtered = torch.fft.irfft(torch.fft.rfft(padded) * response, n=length)
    return torch.cat([filtered[..., length - margin :], filtered[..., : width + margin]], dim=-1)


def _beyond(tilts: Tensor, gap: int, pad: EdgeExtension) -> Tensor:
    """What follows the last pixel of each line, around to its first one: ``(..., gap)``."""
    if pad == "zero":
        return tilts.new_zeros(*tilts.shape[:-1], gap)
    size = max(1, min(round(EDGE_SHARE * tilts.shape[-1]), gap // 2))
    last, first = tilts[..., -size:].flip(-1), tilts[..., :size].flip(-1)
    last_mean, first_mean = last.mean(-1, keepdim=True), first.mean(-1, keepdim=True)

    def fall(n: int) -> Tensor:
        steps = torch.arange(1, n + 1, dtype=tilts.dtype, device=tilts.device)
        return (1 + torch.cos(torch.pi * steps / (n + 1))) / 2

    blend = first_mean + (last_mean - first_mean) * fall(gap)
    after = (last - last_mean) * fall(size)
    before = (first - first_mean) * fall(size).flip(-1)
    middle = tilts.new_zeros(*tilts.shape[:-1], gap - 2 * size)
    return blend + torch.cat([after, middle, before], dim=-1)

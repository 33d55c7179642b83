"""Filters of weighted back-projection, along x of each tilt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from scipy.fft import next_fast_len

if TYPE_CHECKING:
    from torch import Tensor

FilterName: TypeAlias = Literal["ramp", "hamming", "cosine", "none"]
"""The ramp alone, the ramp times a Hamming or cosine window, or no filter at all."""
EdgeExtension: TypeAlias = Literal["taper", "zero"]

EDGE_SHARE = 1 / 8
"""Share of a line's width that is mirrored beyond each of its ends."""


def ramp_response(
    n: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Tensor:
    """Frequency response of the band-limited ramp, from its impulse response.

    The impulse response is 1/4 at 0, ``-1 / (pi k)**2`` at odd k and 0 at even k (Kak &
    Slaney; LBN paper, appendix A.3), so that the zero frequency is not lost: a ramp
    sampled in frequency would remove the mean of every line.

    Parameters
    ----------
    n : int
        Length of the padded lines, in pixels.
    dtype, device
        Of the result.

    Returns
    -------
    Tensor
        ``(n // 2 + 1,)`` real, in cycles per pixel; multiply with ``torch.fft.rfft``.
    """
    k = torch.arange(n, dtype=torch.float64)
    k = torch.minimum(k, n - k)
    impulse = torch.where(k % 2 == 1, -1 / (torch.pi * k.clamp(min=1)) ** 2, 0.0)
    impulse[0] = 0.25
    return torch.fft.rfft(impulse).real.to(device=device, dtype=dtype)


def filter_response(
    name: FilterName,
    n: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Frequency response ``(n // 2 + 1,)`` of a named filter for lines of `n` pixels."""
    response = ramp_response(n, dtype=torch.float64)
    frequency = torch.fft.rfftfreq(n, dtype=torch.float64)
    if name == "hamming":
        response = response * (0.54 + 0.46 * torch.cos(2 * torch.pi * frequency))
    elif name == "cosine":
        response = response * torch.cos(torch.pi * frequency)
    elif name == "none":
        response = torch.ones_like(response)
    return response.to(device=device, dtype=dtype)


def filter_tilts(
    tilts: Tensor, name: FilterName, *, pad: EdgeExtension = "taper", margin: int = 0
) -> Tensor:
    """Filter every line of x; linear in the tilts, and differentiable.

    A specimen wider than the field of view would ring at the x edges if lines ended
    there. So each line goes on beyond its ends, mirrored and fading into the mean of its
    own edge, and from there smoothly to the other edge.

    Parameters
    ----------
    tilts : Tensor
        ``(..., x)`` floating point.
    name : {"ramp", "hamming", "cosine", "none"}
        The filter; Hamming and cosine fall to 0.08 and 0 of the ramp at Nyquist.
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
    response = filter_response(name, length, dtype=tilts.dtype, device=tilts.device)
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

"""Channels of a latent pixel as its finer samples, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def interleave(latents: Tensor, subpixels: int) -> Tensor:
    """``(n, d, y, x)`` to ``(n, d / s, y, s x)``: s consecutive channels are neighbours in x."""
    n, d, height, width = latents.shape
    split = latents.reshape(n, d // subpixels, subpixels, height, width)
    return split.permute(0, 1, 3, 4, 2).reshape(n, d // subpixels, height, width * subpixels)


def take_apart(latents: Tensor, subpixels: int) -> Tensor:
    """The inverse of `interleave`."""
    n, channels, height, width = latents.shape
    split = latents.reshape(n, channels, height, width // subpixels, subpixels)
    return split.permute(0, 1, 4, 2, 3).reshape(n, -1, height, width // subpixels)


def to_channels(volume: Tensor, s: int) -> Tensor:
    """Fine ``(s z, s x, c, y)`` to coarse ``(c s s, z, y, x)``."""
    depth, width, channels, height = volume.shape
    split = volume.reshape(depth // s, s, width // s, s, channels, height)
    return split.permute(4, 1, 3, 0, 5, 2).reshape(-1, depth // s, height, width // s)


def to_fine(volume: Tensor, s: int) -> Tensor:
    """Coarse ``(c s s, z, y, x)`` to fine ``(s z, s x, c, y)``, contiguous for the projector."""
    channels, depth, height, width = volume.shape
    split = volume.reshape(channels // s**2, s, s, depth, height, width)
    fine = split.permute(3, 1, 5, 2, 0, 4)
    return fine.reshape(depth * s, width * s, channels // s**2, height)

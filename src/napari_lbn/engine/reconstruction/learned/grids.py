"""Frequency grids of 2-D filters, and filters taken to another image size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad


def padded_size(shape: tuple[int, int], *, padding: bool) -> tuple[int, int]:
    """Size of the images that are convolved: twice as large with padding."""
    return (2 * shape[0], 2 * shape[1]) if padding else (shape[0], shape[1])


def padded_tilts(tilts: Tensor) -> Tensor:
    """Tilts mirrored beyond their last row and column, so that they go on without a step."""
    tilts = torch.cat([tilts, tilts.flip(-1)], dim=-1)
    return torch.cat([tilts, tilts.flip(-2)], dim=-2)


def radius_grid(shape: tuple[int, int]) -> Tensor:
    """Distance from the origin on the half plane of ``rfft2``, cycles per pixel."""
    ky, kx = torch.fft.fftfreq(shape[0]), torch.fft.rfftfreq(shape[1])
    return torch.hypot(ky[:, None], kx[None])


def resample(response: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """A response at the frequencies of another image size, by linear interpolation.

    Parameters
    ----------
    response : Tensor
        ``(n, old_y, old_x // 2 + 1)``.
    old, new : tuple of int
        (y, x) of the images.

    Returns
    -------
    Tensor
        ``(n, new_y, new_x // 2 + 1)``.
    """
    rows = torch.fft.fftshift(response, dim=1)
    # One row more on each side: frequency is periodic in y.
    rows = torch.cat([rows[:, -1:], rows, rows[:, :1]], dim=1)
    ky = torch.fft.fftfreq(new[0]) * old[0] + old[0] // 2 + 1
    kx = torch.fft.rfftfreq(new[1]) * old[1]
    height, width = rows.shape[1:]
    y = 2 * ky / (height - 1) - 1
    x = 2 * kx / (width - 1) - 1
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[None]
    sampled = grid_sample(
        rows[None],
        grid.to(rows),
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )
    return sampled[0]


def hermitian_pad(response: Tensor, width: int) -> Tensor:
    """The whole plane ``(n, y, x)`` of a half-plane response, zero frequency in the middle."""
    left = response[..., 1 : (width + 1) // 2].flip(-1)
    left = torch.roll(left.flip(-2), 1, dims=-2)
    whole = torch.cat([left, pad(response, (0, 0))], dim=-1)
    return torch.fft.fftshift(whole, dim=-2)

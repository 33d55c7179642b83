"""The latent volume, by far the largest array of the network, is held as few times as can be.

It is worked on in bands of rows, each row of y being a problem of its own, and changed in
place where no gradient is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = {"cpu": 4}
"""Latent rows worked on at once on a processor: arrays then stay in its caches."""
MANY_ROWS = 32
"""The same on other devices, which want large pieces."""
BAND_BYTES = 128 << 20
"""Of the latent volume in these rows, several copies of which are made: fewer where it is wide."""


def rows_together(values: int, device: str, most: int | None = None) -> int:
    """Latent rows of so many values, all channels, that are worked on at once, at most `most`."""
    row = values * torch.float32.itemsize
    usual = ROWS.get(device, MANY_ROWS)
    return min(max(BAND_BYTES // row, 1), usual, most or usual)


def joined(bands: Iterable[Tensor], out: Tensor | None) -> Tensor:
    """Bands of rows in one array ``(c, z, y, x)``: in `out`, where one is given."""
    if out is None:
        return torch.cat(list(bands), dim=2)
    start = 0
    for band in bands:
        stop = start + band.shape[2]
        out[:, :, start:stop] = band
        start = stop
    return out


def add_in_place(one: Tensor, other: Tensor, scale: Tensor | None = None) -> Tensor:
    """``one + scale * other``; in the memory of both where no gradient is recorded."""
    if torch.is_grad_enabled() or one.dtype != other.dtype:
        return one + (other if scale is None else scale * other)
    return one.add_(other if scale is None else other.mul_(scale))

"""Start the network as weighted back-projection, so that training begins where WBP ends.

The initial weights are left open by the paper. Here encoder and decoder begin as a linear
pair: the encoder keeps every row of the tilt and, low-passed, every second column, sorted
into the latent's channels; the decoder puts them back. With the latents interleaved again
for back-projection (`LBNConfig.subpixels`), the untrained network is then WBP and
re-projection at two pixels' resolution along x. What is linear passes the LeakyReLU as a
pair of opposite signs: lrelu(v) - lrelu(-v) = (1 + slope) v. Channels that carry nothing
start at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from .layers import ConvUnit
    from .lbn import LBN

SIGNS = (1, -1)
_CARRIERS = (4, 4, 16, 64, 64)
OFFSET = 3
"""Sub-pixel p of latent pixel i stands for column 8 i - 3 + 2 p: centred on pixel 8 i."""


@torch.no_grad()
def start_as_back_projection(network: LBN) -> None:
    """Set the weights of an untrained network so that it does WBP.

    Parameters
    ----------
    network : LBN
        With the paper's kernels and strides, and 4 subpixels.

    Raises
    ------
    WeightsError
        A configuration for which this start is not made.
    """
    config = network.config
    enough = all(have >= need for have, need in zip(config.widths, _CARRIERS, strict=True))
    if config.strides != (2, 1, 2, 2, 1) or config.subpixels != 4 or not enough:
        raise WeightsError(
            "Starting as back-projection needs x8 downsampling, 4 subpixels and a latent "
            "dimension of at least 64."
        )
    gain = 1 / (1 + config.slope)
    down, up = network.encoder.blocks(), network.decoder.blocks()[::-1]
    _start_encoder([block.first for block in down], gain)
    _start_decoder([block.second for block in up], gain)
    for carriers, encoding, decoding in zip(_CARRIERS, down, up, strict=True):
        _silence(encoding.second, carriers)
        _silence(decoding.first, carriers)


def _start_encoder(units: list[ConvUnit], gain: float) -> None:
    first, second, third, fourth, fifth = (
        _cleared(u, n) for u, n in zip(units, _CARRIERS, strict=True)
    )
    smooth = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / 2)
    column = first.shape[-1] // 2 - OFFSET
    for s, sign in enumerate(SIGNS):
        for y in range(2):
            first[2 * s + y, 0, 5 + y, column - 2 : column + 3] = sign * smooth
    _pass_on(second, 4, gain)
    for s, sign in enumerate(SIGNS):
        for y, x, t, source_sign in _positions(4, 2):
            third[(4 * s + y) * 2 + x, 2 * t + y % 2, 3 + y // 2, 3 + x] = sign * source_sign * gain
        for y, x, t, source_sign in _positions(8, 4):
            source = (4 * t + y % 4) * 2 + x % 2
            fourth[(8 * s + y) * 4 + x, source, 1 + y // 4, 1 + x // 2] = sign * source_sign * gain
    _pass_on(fifth, 64, gain)


def _start_decoder(units: list[ConvUnit], gain: float) -> None:
    """Units in the encoder's order, the last of the network first."""
    outputs = (1, 4, 4, 16, 64)
    first, second, third, fourth, fifth = (
        _cleared(u, n) for u, n in zip(units, outputs, strict=True)
    )
    for y in range(8):  # only the ramp-filtered half of the latent carries the image
        for x in range(4):
            for s, sign in enumerate(SIGNS):
                fifth[(8 * s + y) * 4 + x, 4 * y + x, 1, 1] = sign
    for s, sign in enumerate(SIGNS):
        for y, x, t, source_sign in _positions(8, 4):
            target = (4 * s + y % 4) * 2 + x % 2
            fourth[(8 * t + y) * 4 + x, target, 1 + y // 4, 1 + x // 2] = sign * source_sign * gain
        for y, x, t, source_sign in _positions(4, 2):
            third[(4 * t + y) * 2 + x, 2 * s + y % 2, 3 + y // 2, 3 + x] = sign * source_sign * gain
    _pass_on(second, 4, gain)
    between = 1 - torch.arange(-2.0, 3.0).abs() / 2
    for s, sign in enumerate(SIGNS):
        for y in range(2):
            first[2 * s + y, 0, 5 + y, :5] = sign * gain * between


def _positions(rows: int, columns: int) -> list[tuple[int, int, int, int]]:
    """Row, column, and the sign of the source as index and value."""
    return [
        (y, x, t, sign) for y in range(rows) for x in range(columns) for t, sign in enumerate(SIGNS)
    ]


def _cleared(unit: ConvUnit, carriers: int) -> Tensor:
    """A unit's weights with those of the carriers set to zero, to be filled in."""
    weight: Tensor = unit.conv.weight
    if unit.transposed:
        weight[:, :carriers] = 0
    else:
        weight[:carriers] = 0
    return weight


def _pass_on(weight: Tensor, carriers: int, gain: float) -> None:
    """Channel c to channel c, linear again: half of the carriers have each sign."""
    half, middle = carriers // 2, weight.shape[-1] // 2
    for c in range(carriers):
        other = (c + half) % carriers
        weight[c, c, middle, middle] = gain
        weight[c, other, middle, middle] = -gain


def _silence(unit: ConvUnit, carriers: int) -> None:
    """Let a residual branch begin as nothing where it would disturb the carriers."""
    assert unit.norm is not None
    unit.norm.weight[:carriers] = 0

"""The decoder: the encoder mirrored, from a latent projection back to a tilt (paper A.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from .layers import ConvUnit

if TYPE_CHECKING:
    from .config import LBNConfig


class UpBlock(nn.Module):
    """A double convolution mirrored: 3 x 3 with a residual connection, then k x k.

    A strided block of the encoder is mirrored by a strided transposed convolution:
    upsampling first and convolving at the higher resolution costs four times as much.
    """

    def __init__(self, first: ConvUnit, second: ConvUnit) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, y, x)`` to ``(n, c', y * stride, x * stride)``."""
        return self.second(x + self.first(x))


class Decoder(nn.Sequential):
    """Latent projections ``(m, d, y / D, x / D)`` to tilts ``(m, 1, y, x)``."""

    def __init__(self, config: LBNConfig) -> None:
        super().__init__(*(_mirror(config, i) for i in reversed(range(len(config.widths)))))

    def blocks(self) -> list[UpBlock]:
        """The blocks, from the latent on."""
        return [block for block in self if isinstance(block, UpBlock)]


def _mirror(config: LBNConfig, i: int) -> UpBlock:
    """The mirror of encoder block i; the last one ends in a plain convolution to one channel."""
    width = config.widths[i]
    stride = config.strides[i]
    first = ConvUnit(width, width, groups=config.groups[i], slope=config.slope)
    second = ConvUnit(
        width,
        config.widths[i - 1] if i else 1,
        kernel=config.kernels[i],
        stride=stride,
        groups=config.groups[i - 1] if i else 0,
        slope=config.slope,
        transposed=stride > 1,
    )
    return UpBlock(first, second)

"""The ResNet-style encoder: one tilt to its latent, D times smaller (paper A.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from .layers import ConvUnit

if TYPE_CHECKING:
    from .config import LBNConfig


class DownBlock(nn.Module):
    """A double convolution: strided k x k, then 3 x 3 with a residual connection."""

    def __init__(
        self, n_in: int, n_out: int, *, kernel: int, stride: int, groups: int, slope: float
    ):
        super().__init__()
        self.first = ConvUnit(n_in, n_out, kernel=kernel, stride=stride, groups=groups, slope=slope)
        self.second = ConvUnit(n_out, n_out, groups=groups, slope=slope)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, y, x)`` to ``(n, c', y / stride, x / stride)``."""
        x = self.first(x)
        return x + self.second(x)


class Encoder(nn.Sequential):
    """Tilts ``(n, 1, y, x)`` to latents ``(n, d, y / D, x / D)``; y and x multiples of D.

    Latent pixel i lies at image pixel D i.
    """

    def __init__(self, config: LBNConfig) -> None:
        channels = (1, *config.widths)
        super().__init__(
            *(
                DownBlock(
                    channels[i],
                    channels[i + 1],
                    kernel=config.kernels[i],
                    stride=config.strides[i],
                    groups=config.groups[i],
                    slope=config.slope,
                )
                for i in range(len(config.widths))
            )
        )

    def blocks(self) -> list[DownBlock]:
        """The blocks, from the image on."""
        return [block for block in self if isinstance(block, DownBlock)]

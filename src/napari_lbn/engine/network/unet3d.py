"""The small 3D UNet that corrects the latent volume (paper A.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .layers import ConvUnit

if TYPE_CHECKING:
    from .config import LBNConfig

MULTIPLE = 4
"""Every axis of the volume must be a multiple of this: two strides of 2."""


class UNet3d(nn.Module):
    """Latent volume ``(n, d, z, y, x)`` to its correction, same shape.

    Four double 3 x 3 x 3 blocks, stride 2 in the second convolution of blocks two and
    four; mirrored with transposed convolutions; skips concatenated at the two resolutions
    that the mirror meets again.
    """

    def __init__(self, config: LBNConfig) -> None:
        super().__init__()
        d, (a, b, c, e) = config.volume_channels, config.unet_widths
        self.down1 = _double(config, d, a, a)
        self.down2 = _double(config, a, b, b, strides=(1, 2))
        self.down3 = _double(config, b, c, c)
        self.down4 = _double(config, c, e, e, strides=(1, 2))
        self.up4 = _double(config, e, e, c, strides=(-2, 1))
        self.up3 = _double(config, 2 * c, c, b)
        self.up2 = _double(config, b, b, a, strides=(-2, 1))
        self.up1 = _double(config, 2 * a, a, d, last=True)
        if config.unet_residual:
            last = self.up1[1]
            assert isinstance(last, ConvUnit)
            nn.init.zeros_(last.conv.weight)

    def forward(self, volume: Tensor) -> Tensor:
        """Correct a latent volume whose axes are multiples of 4."""
        fine = self.down1(volume)
        coarse = self.down3(self.down2(fine))
        x = self.up4(self.down4(coarse))
        x = self.up3(torch.cat([x, coarse], dim=1))
        del coarse
        x = self.up2(x)
        return self.up1(torch.cat([x, fine], dim=1))


def _double(
    config: LBNConfig,
    n_in: int,
    n_mid: int,
    n_out: int,
    *,
    strides: tuple[int, int] = (1, 1),
    last: bool = False,
) -> nn.Sequential:
    """Two 3 x 3 x 3 units; a negative stride is a transposed convolution."""
    units = []
    for i, (source, target) in enumerate(((n_in, n_mid), (n_mid, n_out))):
        units.append(
            ConvUnit(
                source,
                target,
                stride=abs(strides[i]),
                transposed=strides[i] < 0,
                groups=0 if last and i else config.unet_groups,
                slope=config.slope,
                dims=3,
            )
        )
    return nn.Sequential(*units)

"""The image itself as latent channels, and what brings it back: the linear half of the network.

Beside the encoder's learned channels, the latent of a tilt holds the tilt: low-passed along x,
every D / s-th column, sorted by rows and sub-pixels into D s channels. They pass the same
latent tomography, UNet and re-projection, and come out as an image again by interpolation.
The decoder then only has to say what that image lacks. Nothing but the latent volume lies
between measured and predicted tilts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from .coarse import low_passed
from .layers import ConvUnit

if TYPE_CHECKING:
    from .config import LBNConfig

SHARPEST = 2.0
"""Of any frequency; beyond it, what is not known is made larger than what is."""


def image_to_latents(tilts: Tensor, config: LBNConfig) -> Tensor:
    """Sort tilts ``(n, 1, y, x)``, multiples of D, into ``(n, D s, y / D, x / D)``.

    Channel ``s r + p`` of latent pixel i, j is row D i + r and sub-pixel p of column j.
    """
    d, s = config.downsampling, config.subpixels
    step, first = d // s, _first_column(config)
    smooth = _low_pass(step).to(tilts)
    radius = len(smooth) // 2
    padded = functional.pad(tilts, (first + radius, radius, 0, 0), mode="replicate")
    lines = functional.conv2d(padded, smooth.view(1, 1, 1, -1), stride=(1, step))
    n, _, height, width = tilts.shape
    lines = lines[..., : width // step].reshape(n, height // d, d, width // d, s)
    return lines.permute(0, 2, 4, 1, 3).reshape(n, d * s, height // d, width // d)


def latents_to_image(latents: Tensor, config: LBNConfig) -> Tensor:
    """Bring sorted channels ``(m, D s, y, x)`` back as ``(m, 1, D y, D x)``."""
    d, s = config.downsampling, config.subpixels
    step, first = d // s, _first_column(config)
    m, _, height, width = latents.shape
    lines = latents.reshape(m, d, s, height, width).permute(0, 3, 1, 4, 2)
    lines = lines.reshape(m, 1, height * d, width * s)
    lines = functional.pad(lines, (0, math.ceil(first / step), 0, 0), mode="replicate")
    between = 1 - torch.arange(1 - step, step, dtype=lines.dtype, device=lines.device).abs() / step
    image = functional.conv_transpose2d(lines, between.view(1, 1, 1, -1), stride=(1, step))
    start = step - 1 + first
    return image[..., start : start + d * width]


def sharpened(image: Tensor, config: LBNConfig) -> Tensor:
    """What a complete latent volume keeps back of its projections along x.

    The second UNet learns a specimen smoothed to its lattice in z and x, by a Gaussian of half a
    step, and the latents' linear footprint smooths once more, as wide as a step. Up to a
    limit both are undone.

    Parameters
    ----------
    image : Tensor
        ``(m, 1, y, x)``, of `latents_to_image`.
    config : LBNConfig
        Of the network.

    Returns
    -------
    Tensor
        Same shape, float32.
    """
    step, width = config.downsampling // config.subpixels, image.shape[-1]
    frequency = torch.fft.rfftfreq(2 * width, device=image.device)
    smoothing = torch.exp(-0.5 * (math.pi * step * frequency) ** 2)
    smoothing = smoothing * torch.sinc(step * frequency) ** 2
    mirrored = torch.cat([image, image.flip(-1)], dim=-1).float()
    spectrum = torch.fft.rfft(mirrored) / smoothing.clamp_min(1 / SHARPEST)
    return torch.fft.irfft(spectrum, n=2 * width)[..., :width]


class Refinement(nn.Module):
    """What the re-projected image lacks, from that image and the decoded tilt.

    Three convolutions without statistics; the last one starts at zero.
    """

    def __init__(self, config: LBNConfig) -> None:
        super().__init__()
        self.slope, width = config.slope, config.refinement_width
        self.coarse = config.coarse_sigma
        self.first = ConvUnit(2, width, kernel=7, groups=0)
        self.second = ConvUnit(width, width, kernel=5, groups=0)
        self.last = ConvUnit(width, 1, kernel=5, groups=0)
        nn.init.zeros_(self.last.conv.weight)

    def forward(self, image: Tensor, decoded: Tensor, known: Tensor | None = None) -> Tensor:
        """Both ``(m, 1, y, x)``; the refined image, same shape.

        Of what is coarse, a share `known` ``(m,)`` of what would be added is left out; by
        default all of it.
        """
        x = functional.leaky_relu(self.first(torch.cat([image, decoded], dim=1)), self.slope)
        x = functional.leaky_relu(self.second(x), self.slope)
        added = self.last(x)
        if self.coarse:
            coarse = low_passed(added, (self.coarse, self.coarse))
            added = added - (coarse if known is None else coarse * known.view(-1, 1, 1, 1))
        return image + added


def _first_column(config: LBNConfig) -> int:
    """How far before latent pixel 0 its first sub-pixel lies, in pixels."""
    return config.downsampling * (config.subpixels - 1) // (2 * config.subpixels)


def _low_pass(step: int) -> Tensor:
    """A Gaussian against aliasing, of half a step."""
    radius = math.ceil(1.5 * step)
    values = torch.exp(-2 * (torch.arange(-radius, radius + 1) / step) ** 2)
    return values / values.sum()

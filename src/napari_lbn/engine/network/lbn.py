"""The Latent Back-projection Network (paper, section 3 and Algorithm 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from .banding import add_in_place
from .box_unet import BoxUNet
from .coarse import known_shares, low_passed
from .config import LBNConfig
from .decoder import Decoder
from .encoder import Encoder
from .fine_unet import FineUNet
from .image_channels import Refinement, image_to_latents, latents_to_image, sharpened
from .latent_grid import LatentGrid, round_up
from .latent_projection import re_project
from .tomography import LatentTomography
from .unet3d import MULTIPLE, UNet3d

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BOX_SIGMA = 3.0
"""Pixels: finer than this, the box's volume is left alone (docs/method.md has the measurement)."""


class LBN(nn.Module):
    """Encoder, latent back-projection, 3D UNet, latent re-projection, decoder.

    The parts are methods, so that synthesis can run them a few tilts at a time.
    """

    def __init__(self, config: LBNConfig | None = None) -> None:
        super().__init__()
        self.config = config or LBNConfig()
        self.encoder = Encoder(self.config)
        self.tomography = LatentTomography(self.config)
        self.unet = UNet3d(self.config)
        self.fine = FineUNet(self.config) if self.config.fine_widths else None
        self.box = BoxUNet(self.config) if self.config.box_widths else None
        self.decoder = Decoder(self.config)
        self.refinement = Refinement(self.config) if self.config.image_channels else None

    def forward(
        self, tilts: Tensor, angles: ArrayLike, targets: ArrayLike, thickness: int | None = None
    ) -> Tensor:
        """Predict tilts at target angles from the given ones.

        Parameters
        ----------
        tilts : Tensor
            ``(n, 1, y, x)``, each of mean 0 and standard deviation 1.
        angles, targets : array_like
            ``(n,)`` and ``(m,)`` degrees in (-90, 90].
        thickness : int, optional
            Pixels; used where the weights' latent volume is a slab.

        Returns
        -------
        Tensor
            ``(m, 1, y, x)``.
        """
        size = (tilts.shape[-2], tilts.shape[-1])
        grid = LatentGrid.of(self.config, size[1], thickness)
        latents = self.encode(tilts)
        volume = self.correct(self.tomography.back_project(latents, angles, grid))
        volume = self.complete(volume, latents, angles, grid)
        known = known_shares(angles, targets, tilts.device)
        return self.decode(re_project(volume, targets, grid), size, known)

    def encode(self, tilts: Tensor) -> Tensor:
        """Tilts ``(n, 1, y, x)`` of any size to latents ``(n, c, ceil(y / D), ceil(x / D))``."""
        d = self.config.downsampling
        height, width = tilts.shape[-2:]
        pad = (0, round_up(width, d) - width, 0, round_up(height, d) - height)
        if any(pad):
            tilts = functional.pad(tilts, pad, mode="replicate")
        latents: Tensor = self.encoder(tilts)
        if self.refinement is None:
            return latents
        return torch.cat([latents.float(), image_to_latents(tilts, self.config)], dim=1)

    def correct(self, volume: Tensor) -> Tensor:
        """Correct a latent volume ``(d, z, y, x)`` with the 3D UNet."""
        rows = volume.shape[2]
        missing = round_up(rows, MULTIPLE) - rows
        # padding by nothing would copy the largest array that there is
        padded = functional.pad(volume, (0, 0, 0, missing)) if missing else volume
        corrected: Tensor = self.unet(padded[None])[0]
        if self.config.unet_residual:
            corrected = add_in_place(corrected, padded)
        return corrected[:, :, :rows]

    def complete(
        self, volume: Tensor, latents: Tensor, angles: ArrayLike, grid: LatentGrid
    ) -> Tensor:
        """What follows the UNet: the data's word, fine details, what changes slowly."""
        volume = self.detail(volume, latents, angles, grid)
        return self.tomography.settle(volume, latents, angles, grid)

    def detail(
        self, volume: Tensor, latents: Tensor, angles: ArrayLike, grid: LatentGrid
    ) -> Tensor:
        """Of `complete`, all but what changes slowly."""
        volume = self.tomography.make_consistent(volume, latents, angles, grid)
        return volume if self.fine is None else self.fine(volume, grid)

    def image_channels(self, volume: Tensor, grid: LatentGrid) -> Tensor:
        """The part of a latent volume that is an image: a view, empty where there is none."""
        count = self.config.downsampling * grid.subpixels**2 if self.config.image_channels else 0
        return volume[volume.shape[0] - count :]

    def decode(self, latents: Tensor, size: tuple[int, int], known: Tensor | None = None) -> Tensor:
        """Latent projections ``(m, c, y / D, x / D)`` to tilts ``(m, 1, *size)``.

        `known` ``(m,)`` are the `coarse.known_shares` of their angles; by default 1.
        """
        d = self.config.latent_channels
        tilts: Tensor = self.decoder(latents[:, :d])
        if self.refinement is not None:
            tilts = self.refinement(latents_to_image(latents[:, d:], self.config), tilts, known)
        return tilts[..., : size[0], : size[1]]

    def decode_box(self, latents: Tensor, size: tuple[int, int]) -> Tensor:
        """Latent projections of the `box` alone ``(m, c, y / D, x / D)`` to ``(m, 1, *size)``.

        Of what decoder and refinement would add, trained as they were on the whole specimen,
        neither what is coarse nor what is fine: both are known better by the volume.
        """
        assert self.refinement is not None
        d = self.config.latent_channels
        image = latents_to_image(latents[:, d:], self.config)
        added = self.refinement(image, self.decoder(latents[:, :d])) - image
        tilts = sharpened(image, self.config) + low_passed(added, (BOX_SIGMA, BOX_SIGMA))
        return tilts[..., : size[0], : size[1]]

    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

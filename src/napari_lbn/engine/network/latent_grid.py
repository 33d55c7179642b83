"""Where latents and the latent volume lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ..projection import ProjectionGeometry, Projector
from .unet3d import MULTIPLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .config import LBNConfig


def round_up(size: int, multiple: int) -> int:
    """Smallest multiple not below `size`."""
    return -(-size // multiple) * multiple


@dataclass(frozen=True, kw_only=True)
class LatentGrid:
    """Where the latent volume lies for one size of image.

    Attributes
    ----------
    width : int
        Latent pixels along x of each tilt's latent.
    nx, nz : int
        Latent volume, padded to what the UNet divides.
    axis : float
        Rotation axis in latent pixels of a tilt's latent along x.
    subpixels : int
        Samples per latent pixel in x and z.
    flat : bool
        Whether this is a slab that goes on along x; not where the random angle offset of
        training turns it.
    """

    width: int
    nx: int
    nz: int
    axis: float
    subpixels: int = 1
    flat: bool = False

    @classmethod
    def of(cls, config: LBNConfig, width: int, thickness: int | None = None) -> LatentGrid:
        """Grid for images `width` pixels wide.

        Parameters
        ----------
        config : LBNConfig
            Its ``latent_volume``, ``volume_width`` and ``axis`` rules are followed.
        width : int
            Image pixels along x, before any padding.
        thickness : int, optional
            Pixels; used by the "slab" rule.
        """
        d = config.downsampling
        latent_width = -(-width // d)
        nx = round_up(math.ceil(latent_width * config.volume_width), MULTIPLE)
        deep = nx
        if config.latent_volume == "slab" and thickness is not None:
            deep = min(round_up(-(-thickness // d) + 2, MULTIPLE), nx)
        axis = (width - 1) / (2 * d) if config.axis == "geometry" else (latent_width - 1) / 2
        flat = config.latent_volume == "slab" and thickness is not None
        return cls(
            width=latent_width, nx=nx, nz=deep, axis=axis, subpixels=config.subpixels, flat=flat
        )

    @property
    def margin(self) -> int:
        """Latent pixels by which the volume is wider than the image, on each side."""
        return (self.nx - self.width + 1) // 2

    @property
    def view(self) -> slice:
        """Voxels along x that hold all that the untilted view shows, as many on either side.

        An odd number of latent pixels lies half a voxel off those of the volume, which has an
        even number, and reaches into one more: to leave that out cost half a voxel of one edge.
        """
        beside = (self.nx - self.width) // 2
        return slice(beside, self.nx - beside)

    @property
    def view_width(self) -> int:
        """Number of these voxels."""
        return self.view.stop - self.view.start

    def projector(
        self,
        angles: ArrayLike,
        footprint: Literal["linear", "distance"],
        device: torch.device,
        margin: int = 0,
    ) -> Projector:
        """Projection operator between this volume and latents at these angles (degrees).

        `margin` samples are added to the latents on each side.
        """
        fine = self.subpixels
        nx, nz = self.nx * fine, self.nz * fine
        geometry = ProjectionGeometry(
            angles=tuple(float(a) for a in np.asarray(angles)),
            nx=nx,
            nz=nz,
            n_detector=self.width * fine + 2 * margin,
            volume_centre=((nz - 1) / 2, (nx - 1) / 2),
            detector_centre=self.axis * fine + (fine - 1) / 2 + margin,
            footprint=footprint,
        )
        return Projector(geometry, device=device, dtype=torch.float32)

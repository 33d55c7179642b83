"""The latent grid: where latents and the latent volume lie, their filter and re-projection.

The latents of all tilts are ramp-filtered along x (A.3), back-projected into one latent
volume (`tomography`), and that volume is re-projected at any angle (paper 3, Algorithm 1).
Both directions are the engine's projection operator on the latent grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from ..angular_weights import measured_weights
from ..geometry import HALF_TURN
from ..projection import ProjectionGeometry, Projector
from ..reconstruction.filters import filter_response, filter_tilts
from .banding import rows_together
from .layers import band_rows
from .unet3d import MULTIPLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .config import LBNConfig


COARSE = 64.0
"""Samples of the interleaved latents; the ramp's response is 1 / 64 at this wavelength."""


def round_up(size: int, multiple: int) -> int:
    """Smallest multiple not below `size`."""
    return -(-size // multiple) * multiple


def ring_weights(angles: ArrayLike) -> NDArray[np.float64]:
    """Angular weight of each tilt in radians, for angles anywhere on the half circle.

    With the random angle offset of training the measured range wraps around 90 degrees;
    the widest gap on the ring is then the missing wedge, which no tilt counts.
    """
    values = np.asarray(angles, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    ring = values[order]
    gaps = np.diff(ring, append=ring[0] + HALF_TURN)
    start = (int(np.argmax(gaps)) + 1) % ring.size
    unrolled = np.roll(ring, -start)
    unrolled[ring.size - start :] += HALF_TURN
    weights = np.empty_like(values)
    weights[np.roll(order, -start)] = measured_weights(unrolled)
    return weights


@dataclass(frozen=True, kw_only=True, eq=False)
class FilterLimits:
    """Bounds of the filters with which updates of the latent volume converge.

    Attributes
    ----------
    level : float
        Lowest response, for what changes slowly.
    cap : Tensor or None
        ``(n,)``, highest response of each tilt. Where the slices of the tilts no longer
        overlap in Fourier space, each counts once, however far apart they are: the ramp
        ends there, as in exact weighting (Harauz and van Heel).
    """

    level: float
    cap: Tensor | None

    def capped(self, response: Tensor) -> Tensor:
        """A response ``(f,)`` as ``(n, 1, 1, f)`` within the caps of the tilts."""
        if self.cap is None:
            return response
        return torch.minimum(response, self.cap.to(response).view(-1, 1, 1, 1))


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


def filter_latents(
    latents: Tensor, config: LBNConfig, margin: int = 0, limits: FilterLimits | None = None
) -> Tensor:
    """Filter interleaved latents ``(n, c, y, x)`` along x: by the ramp, a constant, a soft ramp.

    Parameters
    ----------
    latents : Tensor
        Interleaved; where there are no more than the image's channels, it is some of those.
    config : LBNConfig
        Says how many channels each filter takes; the soft ramp takes the image's.
    margin : int
        Samples to add on each side.
    limits : FilterLimits, optional
        Bounds of the responses; by default the ramp is as it is, and the constant its
        response at a coarse detail.

    Returns
    -------
    Tensor
        ``(n, c, y, x + 2 * margin)``: the latents' continuation beyond the edges included.
    """
    image = min(config.downsampling, latents.shape[1]) if config.image_channels else 0
    learned = latents.shape[1] - image
    plain = round(config.unfiltered * learned)
    limits = limits or FilterLimits(level=1 / COARSE, cap=None)

    def ramp(length: int) -> Tensor:
        response = filter_response(config.latent_filter, length, dtype=torch.float64)
        return limits.capped(response)

    def constant(length: int) -> Tensor:
        return torch.full((length // 2 + 1,), limits.level)

    def soft(length: int) -> Tensor:
        response = torch.arange(length // 2 + 1) / length
        return limits.capped(response.clamp(limits.level, max(config.ramp_limit, limits.level)))

    sizes = (learned - plain, plain, image)
    parts = zip(latents.split(sizes, dim=1), (ramp, constant, soft), strict=True)
    return torch.cat([filter_tilts(p, f, margin=margin) for p, f in parts if p.numel()], dim=1)


def re_project(volume: Tensor, angles: ArrayLike, grid: LatentGrid) -> Tensor:
    """Latent volume ``(d * subpixels, z, y, x)`` to latents ``(m, d, y, x)`` at any angles."""
    project = grid.projector(angles, "distance", volume.device)
    parts = []
    rows = rows_together(volume.shape[0] * grid.nz * grid.nx, volume.device.type, band_rows())
    for band in volume.split(rows, dim=2):
        latents = project(to_fine(band.float(), grid.subpixels))
        parts.append(take_apart(latents.permute(0, 2, 3, 1), grid.subpixels))
    return torch.cat(parts, dim=2)


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

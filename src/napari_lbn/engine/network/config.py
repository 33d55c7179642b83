"""Configuration of the Latent Back-projection Network.

The defaults are appendix A.2 of the paper. What the paper leaves open is a field here, and
``docs/method.md`` lists those choices.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ..errors import WeightsError

FORMAT_VERSION = 1

_ABSENT = {
    "updates": 0,
    "updates_after": 0,
    "image_channels": False,
    "fine_widths": (),
    "box_widths": (),
}
"""What it means that weights do not name a field: they are older than it."""


@dataclass(frozen=True, kw_only=True)
class LBNConfig:
    """Every number that defines the network.

    Attributes
    ----------
    widths : tuple of int
        Channels after each of the five encoder blocks; the last is the latent dimension d.
    kernels, strides : tuple of int
        Of the first convolution of each block (A.2); the second one is 3 x 3, stride 1.
        The product of the strides is the downsampling D: x8, or x16 with stride 2 in the
        fifth block as well.
    groups : tuple of int
        GroupNorm groups of each block (A.2).
    slope : float
        Negative slope of the LeakyReLU (A.2).
    unet_widths : tuple of int
        Channels of the four double-convolution blocks of the 3D UNet (left open by A.2).
    unet_groups : int
        GroupNorm groups of the UNet (A.2).
    unet_residual : bool
        Add the UNet's output to the latent volume instead of replacing it (left open).
        With a zero-initialised last layer, training then starts from plain latent
        tomography.
    latent_filter : {"ramp", "none"}
        Filter of the latents before back-projection (A.3). Beyond the edges of the image
        the latents go on, fading, as in WBP.
    unfiltered : float
        Share of the channels, the last ones, that are back-projected without the ramp, so
        that low frequencies, which the ramp all but removes, have a way of their own. 0 is
        the paper's.
    image_channels : bool
        Let the latent hold the low-passed tilt itself as well (`image_channels`): a linear
        way through the latent volume, refined by what the decoder adds. The paper has none.
    ramp_limit : float
        Response, in cycles per latent sample, at which the ramp of the image channels ends
        and stays constant; with updates that is a regularized inverse, which leaves noise
        of high frequency where it is.
    refinement_width : int
        Channels of the three convolutions that merge image and decoded tilt.
    latent_sum : {"mean", "sum"}
        "mean" weights each tilt by its angular spacing, so that any number of tilts gives
        one scale; "sum" is the plain sum of the paper's Algorithm 1.
    latent_volume : {"square", "slab"}
        "square": the latent volume is always as deep as it is wide; "slab": as deep as the
        thickness where one is given, and square where none is, as under the random angle
        offset of training, which turns the slab upright.
    subpixels : int
        Sub-pixel positions along x that the latent's channels stand for: s consecutive
        channels are interleaved before back-projection, so that the volume is sampled s
        times finer in x and z, and taken apart again as channels for the UNet. Linear
        interpolation between latent pixels D image pixels apart would otherwise blur all
        that is finer. 1 is the paper's plain latent.
    volume_width : float
        Width of the latent volume in widths of the image. The specimen is wider than the
        field of view, and what lies outside of it at 0 degrees enters the images at high
        tilt: at 60 degrees a slab fills the image only if it is twice as wide.
    updates : int
        Filtered Landweber updates of the latent volume before the UNet (`tomography`). 0 is
        the paper's plain back-projection.
    updates_after : int
        The same after the UNet.
    coarse_updates : int
        Updates of one low-passed channel at the end, with which the image channels explain
        what changes slowly (`coarse`); the refinement then leaves that alone. 0 is without;
        so are networks without image channels or other updates.
    coarse_sideways : float
        Share, 0 to 1, to which a second round of as many updates begins with material that
        goes on beside the field of view; it also brings the tilts to one scale (`settling`).
        0 is without that round.
    fine_widths : tuple of int
        Channels of the levels of the second 3D UNet, which corrects the image channels on a
        lattice of D / s pixels (`fine_unet`): one for each stride of 2 from there to the
        latents', and one more. Empty is without, as in the paper.
    box_widths : tuple of int
        Channels of the levels of the 3D UNet that tells the reconstruction box from what
        lies beside it, for tilts in the missing wedge (`box_unet`). Empty is without, as in
        the paper; those tilts then show the whole specimen too.
    axis : {"geometry", "centre"}
        Rotation axis in latent coordinates: (n - 1) / (2 D), where pixel i of the latent
        lies at image pixel D i; or the centre of the latent grid.
    """

    widths: tuple[int, ...] = (16, 32, 64, 64, 64)
    kernels: tuple[int, ...] = (11, 7, 7, 3, 3)
    strides: tuple[int, ...] = (2, 1, 2, 2, 1)
    groups: tuple[int, ...] = (1, 4, 4, 8, 8)
    slope: float = 0.5
    unet_widths: tuple[int, ...] = (32, 64, 128, 128)
    unet_groups: int = 8
    unet_residual: bool = True
    latent_filter: Literal["ramp", "none"] = "ramp"
    unfiltered: float = 0.5
    image_channels: bool = True
    ramp_limit: float = 0.04
    refinement_width: int = 16
    latent_sum: Literal["mean", "sum"] = "mean"
    latent_volume: Literal["square", "slab"] = "slab"
    subpixels: int = 4
    volume_width: float = 2.0
    updates: int = 4
    updates_after: int = 1
    coarse_updates: int = 48
    coarse_sideways: float = 0.5
    fine_widths: tuple[int, ...] = ()
    box_widths: tuple[int, ...] = ()
    axis: Literal["geometry", "centre"] = "geometry"

    def __post_init__(self) -> None:
        lengths = {len(self.widths), len(self.kernels), len(self.strides), len(self.groups)}
        if len(lengths) != 1:
            raise WeightsError("Widths, kernels, strides and groups differ in length.")
        if len(self.unet_widths) != 4:
            raise WeightsError("The 3D UNet has four blocks; give four widths.")
        pairs = [*zip(self.widths, self.groups, strict=True)]
        pairs += [(width, self.unet_groups) for width in (*self.unet_widths, self.widths[-1])]
        if self.image_channels and self.downsampling % self.subpixels:
            raise WeightsError("Image channels need subpixels that divide the downsampling.")
        for width, groups in pairs:
            if width < 1 or width % groups:
                raise WeightsError(f"{width} channels do not divide into {groups} groups.")
        if self.subpixels < 1 or self.widths[-1] % self.subpixels:
            raise WeightsError(
                f"{self.widths[-1]} latent channels do not divide into {self.subpixels} subpixels."
            )
        if self.volume_width < 1:
            raise WeightsError("The latent volume cannot be narrower than the image.")
        if (self.updates or self.updates_after) and self.latent_sum != "mean":
            raise WeightsError("Updates of the latent volume need tilts weighted by 'mean'.")
        if (self.fine_widths or self.box_widths) and not self.image_channels:
            raise WeightsError("A fine or box UNet needs image channels to correct.")
        if self.fine_widths and 2 ** (len(self.fine_widths) - 1) != self.subpixels:
            raise WeightsError(
                f"A fine UNet of {len(self.fine_widths)} levels does not reach from "
                f"{self.subpixels} subpixels to the latents."
            )
        if not 0 <= self.coarse_sideways <= 1:
            raise WeightsError("coarse_sideways is a share from 0 to 1.")
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise WeightsError("Kernel sizes must be odd.")

    @property
    def downsampling(self) -> int:
        """D: image pixels per latent pixel."""
        return math.prod(self.strides)

    @property
    def latent_channels(self) -> int:
        """The latent dimension d."""
        return self.widths[-1]

    @property
    def tilt_channels(self) -> int:
        """Channels of a tilt's latent: d, and those of the image."""
        image = self.downsampling * self.subpixels if self.image_channels else 0
        return self.latent_channels + image

    @property
    def coarse_sigma(self) -> float:
        """Of the low-pass that tells what is coarse: a latent pixel, in image pixels; or 0."""
        iterated = self.image_channels and (self.updates or self.updates_after)
        return float(self.downsampling) if iterated and self.coarse_updates else 0.0

    @property
    def volume_channels(self) -> int:
        """Channels of the latent volume: those of a tilt, times the subpixels in z."""
        return self.tilt_channels * self.subpixels

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LBNConfig:
        """From `to_dict`'s values.

        Raises
        ------
        WeightsError
            A field that this version does not know.
        """
        known = {field.name for field in fields(cls)}
        unknown = set(values) - known
        if unknown:
            raise WeightsError(
                f"The weights' configuration has unknown fields: {', '.join(sorted(unknown))}.",
                "They may come from a newer version of napari-lbn: update it.",
            )
        clean: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        try:
            return cls(**{**_ABSENT, **clean})
        except TypeError as error:
            raise WeightsError(f"The weights' configuration is damaged: {error}.") from error

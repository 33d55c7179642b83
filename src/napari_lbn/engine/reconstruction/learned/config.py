"""What kind of filter is learned, and where it starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal, TypeAlias, get_args

from ...errors import InputError

Variant: TypeAlias = Literal["tilt-2d", "3d", "separable", "tilt-1d", "plane-2d", "radial"]
"""Readings of equations 6 and 16 of the document; beta is real in Fourier space throughout.

``"tilt-2d"``: equation 6 with the convolution in the image plane: a filter (y, x) of its
own for every tilt. ``"3d"``: equation 6 with the convolution over (tilt, y, x), so that
neighbouring tilts mix. ``"separable"``: equation 16, beta_1 over the tilt index times
beta_2 in the image plane, shared by all tilts. ``"tilt-1d"``: beta_1 alone, nothing
filters the plane (the blur of figure 10). ``"plane-2d"``: beta_2 alone. ``"radial"``:
beta_2 of the distance from the origin alone.
"""
InitialFilter: TypeAlias = Literal["ramp", "zero", "symmetric-ramp"]
"""The ramp along x, nothing, or the ramp of the distance from the origin."""
MIXING: tuple[Variant, ...] = ("3d", "separable", "tilt-1d")
"""Variants that mix tilts."""


@dataclass(frozen=True, kw_only=True)
class FilterConfig:
    """A learned filter's kind, and what it was made for.

    Attributes
    ----------
    angles : tuple of float
        Tilt angles in degrees, ascending.
    shape : tuple of int
        (y, x) of the tilts it is learned on; other sizes are interpolated in frequency.
    variant : Variant
        See `Variant`.
    initial : InitialFilter
        See `InitialFilter`.
    padding : bool
        Mirror tilts beyond their edges before the convolution; the document has none.

    Raises
    ------
    InputError
        Fewer than two angles, an image below 4 pixels, or an unknown name.
    """

    angles: tuple[float, ...]
    shape: tuple[int, int]
    variant: Variant = "tilt-2d"
    initial: InitialFilter = "ramp"
    padding: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", tuple(float(angle) for angle in self.angles))
        object.__setattr__(self, "shape", (int(self.shape[0]), int(self.shape[1])))
        if len(self.angles) < 2 or not all(map(isfinite, self.angles)):
            raise InputError("A learned filter needs at least two tilt angles, all finite.")
        if min(self.shape) < 4:
            raise InputError(f"Images of {self.shape} pixels are too small to learn a filter on.")
        if self.variant not in get_args(Variant):
            raise InputError(
                f"Unknown filter variant {self.variant!r}.",
                f"One of {', '.join(get_args(Variant))}.",
            )
        if self.initial not in get_args(InitialFilter):
            raise InputError(
                f"Unknown initial filter {self.initial!r}.",
                f"One of {', '.join(get_args(InitialFilter))}.",
            )

    @property
    def mixes_tilts(self) -> bool:
        """Whether a filtered tilt depends on others."""
        return self.variant in MIXING

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> FilterConfig:
        """The inverse of `to_dict`.

        Raises
        ------
        InputError
            Fields that are missing, unknown or wrong.
        """
        try:
            return cls(**{**fields, "angles": tuple(fields["angles"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The description of the filter is damaged ({error}).") from error

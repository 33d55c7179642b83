"""Settings of weighted back-projection."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import get_args

from ..errors import InputError
from .responses import FilterName


@dataclass(frozen=True, kw_only=True)
class WBPSettings:
    """How a tomogram is made by weighted back-projection.

    Attributes
    ----------
    thickness : int
        Size of the tomogram along z, in pixels.
    filter : FilterName
        Filter along x of each tilt, see `responses`.
    cutoff : float or None
        Cycles per pixel beyond which the filter falls off; None for no low-pass.
    falloff : float
        Standard deviation of that fall, a Gaussian, in cycles per pixel.
    sirt_iterations : int
        Of the SIRT-like filter.
    memory_bound : int or None
        Bytes that the reconstruction may use; half of the free memory by default.
    device : str
        Torch device of the products; the tomogram itself is in host memory.

    Raises
    ------
    InputError
        A thickness or a memory bound below 1, an unknown filter, a cut-off beyond the
        Nyquist frequency.
    """

    thickness: int
    filter: FilterName = "ramp"
    cutoff: float | None = None
    falloff: float = 0.05
    sirt_iterations: int = 10
    memory_bound: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.thickness < 1:
            raise InputError(
                f"A tomogram of thickness {self.thickness} has no slices.",
                "Give the thickness in pixels, at least 1.",
            )
        if self.memory_bound is not None and self.memory_bound < 1:
            raise InputError(f"A memory bound of {self.memory_bound} bytes leaves nothing.")
        if self.filter not in get_args(FilterName):
            raise InputError(
                f"Unknown filter {self.filter!r}.", f"One of {', '.join(get_args(FilterName))}."
            )
        if self.cutoff is not None and not 0 < self.cutoff <= 0.5:
            raise InputError(
                f"A cut-off of {self.cutoff:g} cycles per pixel is no low-pass.",
                "Give it above 0 and up to 0.5, the Nyquist frequency.",
            )
        if not 0 <= self.falloff < inf or self.sirt_iterations < 1:
            raise InputError(
                f"The fall-off ({self.falloff:g}) must be 0 or more cycles per pixel, the "
                f"SIRT-like iterations ({self.sirt_iterations}) at least 1."
            )

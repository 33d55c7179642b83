"""Settings of weighted back-projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ..errors import InputError
from .filters import FilterName


@dataclass(frozen=True, kw_only=True)
class WBPSettings:
    """How a tomogram is made by weighted back-projection.

    Attributes
    ----------
    thickness : int
        Size of the tomogram along z, in pixels.
    filter : {"ramp", "hamming", "cosine", "none"}
        Filter along x of each tilt, see `filter_tilts`.
    memory_bound : int or None
        Bytes that the reconstruction may use; half of the free memory by default.
    device : str
        Torch device of the products; the tomogram itself is in host memory.
    cap_gaps : bool
        Where no weights are given: the measured tilts' weights leave out interior gaps,
        because synthesized tilts fill them (`geometry.measured_weights`).

    Raises
    ------
    InputError
        A thickness or a memory bound below 1, or an unknown filter.
    """

    thickness: int
    filter: FilterName = "ramp"
    memory_bound: int | None = None
    device: str = "cpu"
    cap_gaps: bool = False

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

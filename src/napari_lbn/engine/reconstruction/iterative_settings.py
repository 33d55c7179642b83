"""Settings of the iterative methods: SIRT and total variation."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

from ..errors import InputError

Beyond: TypeAlias = Literal["specimen", "nothing"]
"""What lies beside the field of view: more of the specimen, or nothing.

``"specimen"``: the volume is computed so wide that every ray stays inside, and cropped at
the end; without that, material from outside, seen at high tilts, ends up inside.
"""


@dataclass(frozen=True, kw_only=True)
class SIRTSettings:
    """How a tomogram is made by SIRT.

    Attributes
    ----------
    thickness : int
        Size of the tomogram along z, in pixels.
    iterations : int
        How often every tilt is used.
    relaxation : float
        Length of the steps, above 0 and below 2.
    non_negative : bool
        Keep every voxel at 0 or above; for tilts that are projections of a density, dense
        positive, vacuum 0 (nothing may have been subtracted from them).
    beyond : {"specimen", "nothing"}
        What lies beside the field of view, see `Beyond`.
    memory_bound : int or None
        Bytes; half of the free memory by default.
    device : str
        Torch device of the whole iteration.

    Raises
    ------
    InputError
        A number out of its range.
    """

    thickness: int
    iterations: int = 20
    relaxation: float = 1.0
    non_negative: bool = False
    beyond: Beyond = "specimen"
    memory_bound: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        _check(self.thickness, self.iterations, self.memory_bound, self.beyond)
        if not 0 < self.relaxation < 2:
            raise InputError(
                f"A relaxation of {self.relaxation:g} does not converge.",
                "Give it above 0 and below 2.",
            )

    @property
    def halo(self) -> int:
        """Rows of y that a row depends on, on each side."""
        return 0

    @property
    def copies(self) -> float:
        """Volumes and stacks in memory during an iteration."""
        return 4.0


@dataclass(frozen=True, kw_only=True)
class TVSettings:
    """How a tomogram is made by total-variation regularization.

    Minimizes ``1/2 |A x - tilts|^2 + lambda TV(x)``, TV isotropic in three dimensions,
    where ``lambda = strength * sqrt(n_tilts) * std(tilts)``: the size of what noise of
    that deviation adds to the gradient of the first term.

    Attributes
    ----------
    thickness : int
        Pixels.
    iterations : int
        Of the primal-dual scheme.
    strength : float
        Of the regularization; 0 is least squares.
    non_negative : bool
        As in `SIRTSettings`.
    halo : int
        Rows of y reconstructed beyond each edge of a slab and thrown away, because the
        total variation couples neighbouring rows.
    beyond : {"specimen", "nothing"}
        As in `SIRTSettings`.
    memory_bound : int or None
        Bytes; half of the free memory by default.
    device : str
        Torch device.

    Raises
    ------
    InputError
        A number out of its range.
    """

    thickness: int
    iterations: int = 100
    strength: float = 0.1
    non_negative: bool = False
    halo: int = 8
    beyond: Beyond = "specimen"
    memory_bound: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        _check(self.thickness, self.iterations, self.memory_bound, self.beyond)
        if not 0 <= self.strength < inf or self.halo < 0:
            raise InputError(
                f"The strength of a TV tomogram must be 0 or more, not {self.strength:g}, and so "
                "must its halo."
            )

    @property
    def copies(self) -> float:
        """Volumes and stacks in memory during an iteration: x, its extrapolation, duals."""
        return 12.0


IterativeSettings: TypeAlias = SIRTSettings | TVSettings


def _check(thickness: int, iterations: int, memory_bound: int | None, beyond: str) -> None:
    if thickness < 1:
        raise InputError(
            f"A tomogram of thickness {thickness} has no slices.",
            "Give the thickness in pixels, at least 1.",
        )
    if iterations < 1:
        raise InputError(f"{iterations} iterations make no tomogram.", "Give at least 1.")
    if memory_bound is not None and memory_bound < 1:
        raise InputError(f"A memory bound of {memory_bound} bytes leaves nothing.")
    if beyond not in ("specimen", "nothing"):
        raise InputError(f"Unknown {beyond!r} beside the field of view.", "specimen or nothing.")

"""What the user chooses for a correction."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..device import choose_device, default_memory_bound
from ..errors import InputError
from ..network.jackknife import require_groups
from ..reconstruction.wbp import WBPSettings
from ..synthesis import SynthesisSettings
from ..training.adaptation import AdaptationSettings

if TYPE_CHECKING:
    from pathlib import Path

    from ..reconstruction.filters import FilterName


@dataclass(frozen=True, kw_only=True)
class CorrectionSettings:
    """What the user chooses.

    Attributes
    ----------
    thickness : int
        Of the tomogram, in pixels of the working (binned) size.
    weights : str or Path
        Bundled name or file.
    device : str
        "auto" takes the fastest.
    increment : float or None
        Degrees between synthesized tilts; the series' median step by default.
    fill_gaps : bool
        Also synthesize interior gaps wider than 1.5 steps.
    filter : FilterName
        Of WBP.
    memory_bound : int or None
        Bytes; half of what is free by default.
    binning : int or None
        None is the smallest that the weights know.
    preview : bool
        Begin with an XZ slab from a band of rows around the middle.
    reproject_measured : bool
        Also re-project at the measured angles, for checking.
    denoised : bool
        Also a tomogram of the network's tilts at all angles, measured ones included.
    adapt_minutes : float
        Adapt the weights to the series first, for at most so long; 0 takes them as they are.
    jackknife : int
        Groups of tilts left out in turn, to extrapolate to more tilts than there are; 0 for none.
    mirrored : bool
        Synthesize from the mirrored tilts as well, and take the mean.
    smooth : bool
        Smooth noisy tilts before they are encoded, as far as suits them.
    """

    thickness: int
    weights: str | Path = "base"
    device: str = "auto"
    increment: float | None = None
    fill_gaps: bool = False
    filter: FilterName = "ramp"
    memory_bound: int | None = None
    binning: int | None = None
    preview: bool = False
    reproject_measured: bool = True
    denoised: bool = False
    adapt_minutes: float = 0.0
    jackknife: int = 0
    mirrored: bool = False
    smooth: bool = True

    def __post_init__(self) -> None:
        if self.thickness < 1:
            raise InputError(f"Thickness must be at least 1 pixel, not {self.thickness}.")
        if not 0 <= self.adapt_minutes < math.inf:
            raise InputError(f"An adaptation of {self.adapt_minutes:g} minutes cannot be.")
        require_groups(self.jackknife)

    @property
    def at_measured(self) -> bool:
        """Whether tilts are synthesized at the measured angles too."""
        return self.reproject_measured or self.denoised

    def for_adaptation(self) -> AdaptationSettings:
        """The part that concerns adapting the weights."""
        return AdaptationSettings(
            minutes=self.adapt_minutes, thickness=self.thickness, device=self.device
        )

    def for_synthesis(self, rows: slice = slice(None)) -> SynthesisSettings:
        """The part that concerns synthesis, for some rows of y."""
        return SynthesisSettings(
            device=self.device,
            memory_bound=self.memory_bound,
            thickness=self.thickness,
            rows=rows,
            jackknife=self.jackknife,
            mirrored=self.mirrored,
            smooth=self.smooth,
        )

    def for_wedge(self, rows: slice = slice(None)) -> SynthesisSettings:
        """The same for tilts that fill the wedge of a tomogram: of its box, where weights can."""
        return replace(self.for_synthesis(rows), beyond="box")

    def for_wbp(self) -> WBPSettings:
        """The part that concerns reconstruction."""
        device = str(choose_device(self.device))
        return WBPSettings(
            thickness=self.thickness,
            filter=self.filter,
            memory_bound=self.memory_bound or default_memory_bound(device),
            device=device,
        )

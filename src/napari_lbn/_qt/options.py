"""What the user asks a correction for, and what the engine plans from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_lbn._napari.layers import DEFAULT_THICKNESS_NM, DEFAULT_THICKNESS_PX

ANGSTROM_PER_NM = 10.0
MIN_THICKNESS = 8
ADAPT_MINUTES = 2.0
"""Bound of adapting the weights to a series."""
JACKKNIFE = 4
"""Groups of tilts that a jackknife leaves out in turn; docs/method.md has what it gives."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    weights, device : str
        Names; empty weights until the list has arrived.
    thickness_nm : float
        Used where the pixel size is known.
    thickness_px : int
        Used where it is not.
    binning : int or None
        None chooses what the weights know.
    increment : float or None
        Degrees; None takes the series' median step.
    fill_gaps : bool
        Synthesize interior gaps too.
    filter : str
        Of the back-projection.
    adapt : bool
        Adapt the weights to the series first.
    denoised : bool
        Also a tomogram of the network's tilts at all angles.
    jackknife : bool
        Extrapolate the latent volume to more tilts than there are.
    mirrored : bool
        Synthesize from the mirrored tilts as well.
    """

    weights: str = ""
    device: str = "auto"
    thickness_nm: float = DEFAULT_THICKNESS_NM
    thickness_px: int = DEFAULT_THICKNESS_PX
    binning: int | None = None
    increment: float | None = None
    fill_gaps: bool = False
    filter: str = "ramp"
    adapt: bool = False
    denoised: bool = False
    jackknife: bool = False
    mirrored: bool = False

    @property
    def adapt_minutes(self) -> float:
        """As the engine takes it."""
        return ADAPT_MINUTES if self.adapt else 0.0

    @property
    def jackknife_groups(self) -> int:
        """As the engine takes it."""
        return JACKKNIFE if self.jackknife else 0

    def thickness(self, pixel_size: float | None) -> int:
        """Thickness in pixels of this size (Å)."""
        if pixel_size is None:
            return self.thickness_px
        return max(round(self.thickness_nm * ANGSTROM_PER_NM / pixel_size), MIN_THICKNESS)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """Settings that are ready to run, and what the engine says about them.

    Attributes
    ----------
    settings, plan
        The engine's.
    busy : bool
        Whether other programs kept this machine busy when the plan was made.
    """

    settings: Any
    plan: Any
    busy: bool = False

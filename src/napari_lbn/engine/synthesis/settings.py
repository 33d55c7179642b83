"""How tilts are synthesized, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..network.jackknife import require_groups

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..intensity import IntensityStats


@dataclass(frozen=True, kw_only=True)
class SynthesisSettings:
    """How tilts are synthesized.

    Attributes
    ----------
    device : str
        "auto" takes the fastest.
    memory_bound : int or None
        Bytes on that device; half of what is free by default.
    thickness : int or None
        Pixels; used by weights whose latent volume is a slab.
    beyond : {"whole", "box"}
        What tilts beyond the measured range show: the whole specimen, as a measured tilt
        would; or, with weights that know the difference, the reconstruction box alone, which
        is what a tomogram needs.
    box_everywhere : bool
        Where `beyond` is the box: also tilts of the box alone at the angles whose tilts show
        the whole specimen, for a tomogram of the network's tilts alone (`Synthesis.box_tilts`).
    jackknife : int
        Groups of tilts that are left out in turn, to extrapolate the latent volume to more tilts
        than there are (`network.jackknife`); 0 for none. Takes so many times longer.
    mirrored : bool
        Synthesize from the mirrored tilts as well and take the mean (`synthesis.mirrored`).
        Takes twice as long.
    smooth : bool
        Smooth noisy tilts before they are encoded (`synthesis.smoothing`), which takes up to
        twice as long; others are taken as they are.
    rows : slice
        Rows of y to work on; all by default. The network's statistics are then those of
        these rows, so a part differs slightly from the same rows of the whole.
    """

    device: str = "auto"
    memory_bound: int | None = None
    thickness: int | None = None
    beyond: Literal["whole", "box"] = "whole"
    box_everywhere: bool = False
    jackknife: int = 0
    mirrored: bool = False
    smooth: bool = True
    rows: slice = field(default_factory=lambda: slice(None))  # unhashable before Python 3.12

    def __post_init__(self) -> None:
        require_groups(self.jackknife)


@dataclass(frozen=True, kw_only=True, eq=False)
class Synthesis:
    """What came out.

    Attributes
    ----------
    angles : ndarray
        ``(m,)`` degrees.
    tilts : ndarray
        ``(m, y, x)`` float32, in the input's units.
    stats : IntensityStats
        Of the visible tilts.
    whole : ndarray
        ``(m,)`` bool: which tilts show the whole specimen, the others the box alone.
    box_tilts : ndarray or None
        ``(k, y, x)``, what the box alone looks like at those k angles, where it was asked for
        and the weights know it.
    smoothing : float
        Standard deviation in pixels of the Gaussian that noisy tilts were smoothed by; 0 for none.
    """

    angles: NDArray[np.float64]
    tilts: NDArray[np.float32]
    stats: IntensityStats
    whole: NDArray[np.bool_]
    box_tilts: NDArray[np.float32] | None = None
    smoothing: float = 0.0

    def of_the_box(self, rows: slice) -> NDArray[np.float32]:
        """Rows of tilts ``(m, rows, x)`` of the box alone, as far as they are known."""
        tilts = self.tilts[:, rows].copy()
        if self.box_tilts is not None:
            tilts[self.whole] = self.box_tilts[:, rows]
        return tilts

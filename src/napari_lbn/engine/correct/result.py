"""What a correction gives beside the tomogram's slabs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fourier import fourier_pad

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..tilt_series import TiltSeries
    from .alteration import Alteration


@dataclass(frozen=True, kw_only=True, eq=False)
class CorrectionResult:
    """Tilts at every angle, and how they came about.

    Attributes
    ----------
    series : TiltSeries
        Working series, binned where that was needed.
    original : TiltSeries
        As given.
    angles : ndarray
        ``(n,)`` degrees, ascending: every angle that has a tilt below.
    synthesized : ndarray of bool
        ``(n,)`` True where no tilt was measured.
    tilts : ndarray
        ``(n, y, x)`` float32: the network's output, in the input's units.
    alteration : Alteration
        What the synthesized tilts changed outside the wedge, and added inside.
    provenance : dict
    """

    series: TiltSeries
    original: TiltSeries
    angles: NDArray[np.float64]
    synthesized: NDArray[np.bool_]
    tilts: NDArray[np.float32]
    alteration: Alteration
    provenance: dict[str, Any] = field(default_factory=dict)

    def augmented_stack(
        self, *, full_size: bool = False
    ) -> tuple[NDArray[np.float64], Iterator[NDArray[np.float32]]]:
        """Measured tilts, untouched, and synthesized ones between and beside them.

        Parameters
        ----------
        full_size : bool
            Fourier-pad the synthesized tilts to the original pixel size, so that they join
            the unbinned stack; their band limit stays that of the working size.

        Returns
        -------
        angles : ndarray
            Ascending degrees.
        images : iterator
            ``(y, x)`` float32, one an angle.
        """
        base = self.original if full_size else self.series
        measured = [(float(base.angles[i]), int(i), True) for i in base.included]
        new = [(float(self.angles[i]), int(i), False) for i in np.flatnonzero(self.synthesized)]
        order = sorted(measured + new)
        binning = self.provenance.get("binning", 1) if full_size else 1

        def images() -> Iterator[NDArray[np.float32]]:
            for _, index, is_measured in order:
                if is_measured:
                    yield base.read([index])[0]
                else:
                    yield fourier_pad(self.tilts[index], binning, base.image_shape)

        return np.array([angle for angle, _, _ in order]), images()

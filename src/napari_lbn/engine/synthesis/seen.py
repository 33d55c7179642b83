"""Tilts as the network sees them: normalised and, where they are noisy, smoothed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..events import raise_if_cancelled
from ..intensity import IntensityStats
from .smoothing import smoothed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..events import CancelToken
    from ..tilt_series import TiltSeries


class SeenTilts:
    """The included tilts of a series for the network, and its tilts in the input's units.

    Parameters
    ----------
    series : TiltSeries
    stats : IntensityStats
        Of its included tilts.
    rows : slice
        Rows of y that are read.

    Attributes
    ----------
    sigma : float
        Standard deviation in pixels of the Gaussian that smooths them; 0 at first.
    """

    def __init__(self, series: TiltSeries, stats: IntensityStats, rows: slice) -> None:
        self._series, self._rows = series, rows
        self._raw = self._stats = stats
        self.sigma = 0.0

    def __len__(self) -> int:
        return int(self._series.included.size)

    def index(self, i: int) -> int:
        """Index in the series of one of them."""
        return int(self._series.included[i])

    def smooth(self, sigma: float, cancel: CancelToken | None = None) -> None:
        """Smooth them from now on, and measure them anew.

        With less noise the specimen has more of a tilt's standard deviation, which is what the
        network sees as 1.
        """

        def tilts() -> Iterator[NDArray[np.float32]]:
            for i in range(len(self)):
                raise_if_cancelled(cancel)
                yield smoothed(self._clipped(i, slice(None)), sigma)

        self._stats = IntensityStats.measure(tilts(), self._raw.angles)
        self.sigma = sigma

    def tilt(self, i: int) -> NDArray[np.float32]:
        """Rows ``(rows, x)`` of one of them, of mean 0 and standard deviation 1."""
        return self._stats.normalised(smoothed(self._clipped(i, self._rows), self.sigma), i)

    def in_units(
        self, image: NDArray[np.float32], angle: float, *, of_a_volume: bool
    ) -> NDArray[np.float32]:
        """The network's tilt at an angle in the input's units; `of_a_volume`, the box alone."""
        stats = self._stats
        measured = np.flatnonzero(np.isclose(stats.angles, angle, atol=1e-6))
        if measured.size:
            mean, std = stats.mean[measured[0]], stats.std[measured[0]]
        else:
            mean, std = (value[0] for value in stats.at([angle]))
        if of_a_volume:
            std = stats.scale_of_a_volume([angle])[0]
        return image * np.float32(std) + np.float32(mean)

    def _clipped(self, i: int, rows: slice) -> NDArray[np.float32]:
        tilt = self._series.read([self.index(i)], rows)[0]
        return self._raw.clipped(tilt, i)

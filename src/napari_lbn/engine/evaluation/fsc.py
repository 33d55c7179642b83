"""Fourier shell correlation, global and in regions (paper, section 4.4 and Figure 4b).

Shells are of physical frequency, so thin slabs are handled: along a short axis the shells
are sampled more coarsely, and a shell with too few voxels in a region has no value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft
from scipy.signal.windows import tukey

from ..errors import InputError
from ..events import Progress, raise_if_cancelled
from ..fourier_regions import OUTSIDE, all_regions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..events import CancelToken, Job
    from ..fourier_regions import Region

RESOLUTION, CONSISTENCY = "resolution", "consistency"
HALF, SEVENTH = 0.5, 1 / 7
"""Thresholds: against truth, and the paper's against the full-range tomogram."""
FEWEST_VOXELS = 8
FEWEST_SHELLS = 16
TAPER = 0.25
"""Share of each axis over which volumes fade out at their faces."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FSCCurve:
    """Correlation over spatial frequency in one region of Fourier space.

    Attributes
    ----------
    region : str
    frequency : ndarray
        Shell centres, cycles per pixel.
    correlation : ndarray
        NaN in shells with too few voxels.
    pixel_size : float or None
        Å.
    meaning : str
        `RESOLUTION`, or `CONSISTENCY` where one network filled both volumes.
    """

    region: str
    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    pixel_size: float | None
    meaning: str = RESOLUTION

    def resolution(self, threshold: float) -> float | None:
        """Spacing in Å at which the curve first falls below a threshold.

        In pixels where the pixel size is unknown; that of the last shell compared where it
        never falls (`never_falls`); None where it is below from the start, and for a
        consistency, which is no resolution.
        """
        values, frequency = self._known()
        if self.meaning != RESOLUTION or values.size == 0 or values[0] < threshold:
            return None
        below = np.flatnonzero(values < threshold)
        limit = frequency[-1] + self.frequency[0]  # the outer edge of the last shell
        if below.size:
            i = below[0]
            share = (values[i - 1] - threshold) / (values[i - 1] - values[i])
            limit = frequency[i - 1] + share * (frequency[i] - frequency[i - 1])
        return float((self.pixel_size or 1.0) / limit)

    def never_falls(self, threshold: float) -> bool:
        """Whether the resolution is only a bound: volumes agree as far as they are sampled."""
        values, _ = self._known()
        return bool(values.size) and not (values < threshold).any()

    def resolution_text(self, threshold: float) -> str:
        """Resolution with its unit, for a table; "≤" before a bound."""
        value = self.resolution(threshold)
        if value is None:
            return "–" if self.meaning == RESOLUTION else self.meaning
        unit = "Å" if self.pixel_size else "pixels"
        return f"{'≤ ' if self.never_falls(threshold) else ''}{value:.1f} {unit}"

    def _known(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        known = np.isfinite(self.correlation)
        return self.correlation[known], self.frequency[known]

    def mean(self) -> float:
        """Mean over shells: one number where a curve is too much."""
        return (
            float(np.nanmean(self.correlation)) if np.isfinite(self.correlation).any() else np.nan
        )


def require_same_shape(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    """Refuse two volumes that cannot be compared."""
    if first != second or len(first) != 3:
        remedy = "Both need the same size (z, y, x) and position."
        if len(first) == len(second) == 3 and first[1:] == second[1:]:
            remedy += f" Reconstruct one with --thickness {second[0]} or {first[0]}, as the other."
        raise InputError(f"Volumes of {first} and {second} voxels cannot be compared.", remedy)


def fourier_shell_correlation(
    first: NDArray[Any],
    second: NDArray[Any],
    angles: ArrayLike,
    *,
    pixel_size: float | None = None,
    same_network: bool = False,
    cancel: CancelToken | None = None,
) -> Job[dict[str, FSCCurve]]:
    """FSC of two volumes: global, inside and outside the wedge, in cones along x, y, z.

    Parameters
    ----------
    first, second : ndarray
        ``(z, y, x)``.
    angles : array_like
        Measured tilt angles in degrees, which make the wedge.
    pixel_size : float, optional
        Å.
    same_network : bool
        True where both volumes were filled by one network, as are half-sets of tilts:
        then only the curve outside the wedge may be read as a resolution.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Returns
    -------
    dict
        `FSCCurve` by region.

    Raises
    ------
    InputError
        Volumes of different shapes.
    """
    require_same_shape(first.shape, second.shape)
    regions = all_regions(angles)
    sums = _ShellSums(first.shape, len(regions))
    a, b = _spectrum(first), _spectrum(second)
    for z in range(first.shape[0]):
        raise_if_cancelled(cancel)
        sums.add(z, a[z], b[z], list(regions.values()))
        if z % 16 == 0:
            yield Progress(
                stage="Fourier shell correlation",
                done=z,
                total=first.shape[0],
                fraction=z / first.shape[0],
            )
    curves = {}
    for i, name in enumerate(regions):
        meaning = CONSISTENCY if same_network and name != OUTSIDE else RESOLUTION
        curves[name] = FSCCurve(
            region=name,
            frequency=sums.frequency,
            correlation=sums.correlation(i),
            pixel_size=pixel_size,
            meaning=meaning,
        )
    return curves


class _ShellSums:
    """Cross and auto power in shells, for several regions, plane after plane of kz."""

    def __init__(self, shape: tuple[int, ...], n_regions: int) -> None:
        nz, ny, nx = shape
        self.kz, self.ky, self.kx = fft.fftfreq(nz), fft.fftfreq(ny), fft.rfftfreq(nx)
        # as wide as the coarsest axis is sampled, or curves of slabs would zigzag
        self.shells = max(min(shape) // 2, FEWEST_SHELLS)
        self.frequency = (np.arange(self.shells) + 0.5) / (2 * self.shells)
        self.sums = np.zeros((n_regions, 4, self.shells))
        # terms of rfft stand for two, but for those that are their own mirror image
        self.weight = np.where((self.kx == 0) | (self.kx == 0.5), 1.0, 2.0)

    def add(self, z: int, a: NDArray[Any], b: NDArray[Any], regions: list[Region]) -> None:
        kz, ky = np.full((1, 1), self.kz[z]), self.ky[:, None]
        kx = self.kx[None, :]
        radius = np.sqrt(kz**2 + ky**2 + kx**2)
        shell = np.minimum((radius * 2 * self.shells).astype(int), self.shells)
        weight = np.broadcast_to(self.weight, radius.shape)
        valid = (shell < self.shells) & (radius > 0)
        terms = (
            weight * (a * b.conj()).real,
            weight * np.abs(a) ** 2,
            weight * np.abs(b) ** 2,
            weight,
        )
        for i, region in enumerate(regions):
            chosen = valid & region(kz, ky, kx)
            index = shell[chosen]
            for j, term in enumerate(terms):
                self.sums[i, j] += np.bincount(index, term[chosen], minlength=self.shells)

    def correlation(self, region: int) -> NDArray[np.float64]:
        cross, a, b, count = self.sums[region]
        with np.errstate(invalid="ignore", divide="ignore"):
            value = cross / np.sqrt(a * b)
        return np.where((count >= FEWEST_VOXELS) & np.isfinite(value), value, np.nan)


def _spectrum(volume: NDArray[Any]) -> NDArray[np.complex64]:
    values = np.asarray(volume, dtype=np.float32)
    values = values - values.mean(dtype=np.float64).astype(np.float32)
    for axis, size in enumerate(values.shape):
        window = tukey(size + 2, TAPER)[1:-1].astype(np.float32)
        values *= window.reshape([-1 if a == axis else 1 for a in range(3)])
    return fft.rfftn(values, overwrite_x=True)

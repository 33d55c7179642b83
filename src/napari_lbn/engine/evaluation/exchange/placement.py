"""How tomograms of other programs lie: axis order, flips, contrast and scale.

Programs differ in all of these. They are fitted on visible tilts only, and reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import zoom

from ...errors import InputError
from ...events import Progress, raise_if_cancelled
from ..metrics import averaged, correlation
from ..prediction.baselines import re_projected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...events import CancelToken, Job
    from ...intensity import IntensityStats
    from ...tilt_series import TiltSeries

AXES = "zyx"
SMALL = 64
"""Pixels to which the shorter side is averaged while candidates are tried."""
FIT_TILTS = 5
TOLERANCE = 0.02
"""Of a size, by which a volume may differ from the tilts at its scale."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How a foreign volume lies relative to the tilt series.

    Attributes
    ----------
    order : tuple of int
        Axes of the file that are z, y and x of the tomogram.
    flips : tuple of bool
        Which of z, y and x are reversed, after reordering.
    scale : float
        Size of a voxel in pixels of the tilt series.
    inverted : bool
        Whether its contrast is the opposite of the tilts'.
    correlation : float
        Mean, of its re-projections with visible tilts, averaged to some 64 pixels.
    """

    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    scale: float
    inverted: bool
    correlation: float

    @property
    def sentence(self) -> str:
        """In plain words."""
        axes = ", ".join(f"{AXES[i]} is axis {axis + 1}" for i, axis in enumerate(self.order))
        reversed_axes = [AXES[i] for i, flipped in enumerate(self.flips) if flipped]
        flips = f", {' and '.join(reversed_axes)} reversed" if reversed_axes else ""
        contrast = ", contrast inverted" if self.inverted else ""
        return (
            f"{axes}{flips}{contrast}, voxel {self.scale:.3g} times the pixel of the series "
            f"(correlation with visible tilts {self.correlation:.2f})"
        )

    def apply(self, volume: NDArray[Any]) -> NDArray[np.float32]:
        """The volume as ``(z, y, x)`` of the tilt series, contrast as the tilts'."""
        placed = np.transpose(np.asarray(volume, dtype=np.float32), self.order)
        placed = placed[tuple(slice(None, None, -1 if f else 1) for f in self.flips)]
        return np.ascontiguousarray(-placed if self.inverted else placed)


def fit_placement(
    volume: NDArray[Any],
    series: TiltSeries,
    stats: IntensityStats,
    *,
    cancel: CancelToken | None = None,
) -> Job[Placement]:
    """Find axis order, flips, contrast and scale from the visible tilts of a series.

    Parameters
    ----------
    volume : ndarray
        Three axes in any order.
    series : TiltSeries
        Hidden tilts excluded.
    stats : IntensityStats
        Of its visible tilts.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Raises
    ------
    InputError
        No two axes have the shape of the tilts at one scale, or nothing correlates.
    """
    orders = require_fitting(volume.shape, series.image_shape)
    factor = max(min(series.image_shape) // SMALL, 1)
    positions = np.unique(np.linspace(0, stats.angles.size - 1, FIT_TILTS).round().astype(int))
    angles = stats.angles[positions]
    tilts = [
        averaged(stats.normalised(series.read([series.included[i]])[0], int(i)), factor)
        for i in positions
    ]
    best: Placement | None = None
    both = (False, True)
    candidates = [(o, (a, b, c)) for o in orders for a, b, c in product(both, both, both)]
    small: dict[tuple[int, ...], NDArray[np.float32]] = {}
    for i, ((order, scale), flips) in enumerate(candidates):
        raise_if_cancelled(cancel)
        yield Progress(
            stage="Placing the tomogram",
            done=i,
            total=len(candidates),
            fraction=i / len(candidates),
        )
        if order not in small:
            small[order] = _small(np.transpose(volume, order), tilts[0].shape)
        flipped = small[order][tuple(slice(None, None, -1 if f else 1) for f in flips)]
        images = re_projected(np.ascontiguousarray(flipped), angles)
        r = float(np.mean([correlation(p, t) for p, t in zip(images, tilts, strict=True)]))
        if best is None or abs(r) > best.correlation:
            best = Placement(
                order=order, flips=flips, scale=scale, inverted=r < 0, correlation=abs(r)
            )
    assert best is not None
    return best


def require_fitting(
    shape: tuple[int, ...], tilt: tuple[int, int]
) -> list[tuple[tuple[int, int, int], float]]:
    """Axis orders in which a volume fits tilts of (y, x) pixels, each with its scale.

    Raises
    ------
    InputError
        There is none.
    """
    orders = _possible_orders(shape, tilt)
    if not orders:
        raise InputError(
            f"A volume of {shape} voxels fits tilts of {tilt} pixels (y, x) in no axis order.",
            "Two of its axes must have the tilts' shape, or the same multiple or fraction of it.",
        )
    return orders


def _possible_orders(
    shape: tuple[int, ...], tilt: tuple[int, int]
) -> list[tuple[tuple[int, int, int], float]]:
    """Axis orders in which y and x have the shape of the tilts at one scale."""
    if len(shape) != 3:
        return []
    found = []
    for order in permutations(range(3)):
        rows, columns = shape[order[1]], shape[order[2]]
        scale = tilt[1] / columns
        if abs(rows * scale - tilt[0]) <= max(TOLERANCE * tilt[0], scale):
            found.append(((order[0], order[1], order[2]), float(scale)))
    return found


def _small(volume: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A coarse copy ``(z, y, x)`` whose y and x have this shape."""
    values = np.asarray(volume, dtype=np.float32)
    factors = shape[0] / values.shape[1], shape[1] / values.shape[2]
    step = max(int(1 / max(factors)), 1)
    if step > 1:
        cut = [n // step * step for n in values.shape]
        values = values[: cut[0], : cut[1], : cut[2]]
        blocks = [v for n in values.shape for v in (n // step, step)]
        values = values.reshape(blocks).mean(axis=(1, 3, 5))
    zooms = [shape[1] / values.shape[2], shape[0] / values.shape[1], shape[1] / values.shape[2]]
    return np.asarray(zoom(values, zooms, order=1), dtype=np.float32)

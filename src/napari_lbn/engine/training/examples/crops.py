"""Crops that follow a point of the specimen through the tilt series.

A point at (x0, z0) from the rotation axis is seen at ``x0 cos(theta) + z0 sin(theta)``. A
crop centred there at every tilt is the tilt series of the specimen moved by (-x0, -z0), so
a small crop from anywhere trains the same geometry as a whole series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import correlate1d

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ...tilt_series import TiltSeries

REACH = 4
"""Pixels on each side that sub-pixel interpolation looks at."""


class LazyTilts:
    """The included tilts of a series as an array ``(n, y, x)`` that is read piece by piece.

    Parameters
    ----------
    series : TiltSeries
        Excluded tilts cannot be reached through this object.
    """

    def __init__(self, series: TiltSeries) -> None:
        self._series = series
        self.shape = (int(series.included.size), *series.image_shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[int, slice, slice]) -> NDArray[np.float32]:
        """Rows and columns of one tilt."""
        tilt, rows, columns = key
        index = int(self._series.included[tilt])
        return np.nan_to_num(self._series.read([index], rows)[0][:, columns])


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A crop of a tilt series.

    Attributes
    ----------
    top, rows : int
        Along y.
    columns : int
        Along x.
    point : tuple of float
        (x0, z0) in pixels from the rotation axis.
    """

    top: int
    rows: int
    columns: int
    point: tuple[float, float] = (0.0, 0.0)


def draw_crop(
    shape: tuple[int, int],
    angles: NDArray[np.float64],
    size: int,
    depth: float,
    rng: np.random.Generator,
) -> Crop:
    """A random crop that stays inside the images at every tilt.

    Parameters
    ----------
    shape : tuple of int
        (y, x) of the images.
    angles : ndarray
        Degrees.
    size : int
        Pixels a side; smaller images are used whole.
    depth : float
        Points are drawn from ``-depth`` to ``depth`` along z, pixels.
    rng : Generator
        Of the draw.
    """
    rows = min(size, shape[0])
    top = int(rng.integers(0, shape[0] - rows + 1))
    columns = shape[1] if size >= shape[1] else size + (shape[1] - size) % 2
    room = (shape[1] - columns) / 2
    x = float(rng.uniform(-room, room))
    z = float(rng.uniform(-depth, depth))
    # as much of the depth as keeps the crop inside; none always does
    while np.abs(detector_positions(angles, (x, z))).max() > room:
        z = 0.0 if abs(z) < 0.5 else z / 2
    return Crop(top=top, rows=rows, columns=columns, point=(x, z))


def detector_positions(angles: ArrayLike, point: tuple[float, float]) -> NDArray[np.float64]:
    """Where a point (x0, z0) is seen at each angle, pixels from the rotation axis."""
    radians = np.deg2rad(np.asarray(angles, dtype=np.float64))
    return point[0] * np.cos(radians) + point[1] * np.sin(radians)


def read_crop(
    tilts: Any, angles: ArrayLike, crop: Crop, chosen: NDArray[np.intp] | None = None
) -> NDArray[np.float32]:
    """Read a crop ``(n, rows, columns)``, each tilt centred on the point to a fraction of a pixel.

    Parameters
    ----------
    tilts : array_like
        ``(n, y, x)``, indexed by tilt, rows and columns; only what is needed is read.
    angles : array_like
        ``(n,)`` degrees.
    crop : Crop
        Beyond the images' edges their last pixel is repeated.
    chosen : ndarray, optional
        Indices of the tilts to read, in this order; all by default.
    """
    rows = slice(crop.top, crop.top + crop.rows)
    start = (tilts.shape[2] - crop.columns) / 2
    lefts = start + detector_positions(angles, crop.point)
    wanted = range(len(lefts)) if chosen is None else chosen.tolist()
    return np.stack([_read_one(tilts, i, rows, float(lefts[i]), crop.columns) for i in wanted])


def _read_one(tilts: Any, tilt: int, rows: slice, left: float, columns: int) -> NDArray[np.float32]:
    whole = int(np.floor(left + 1e-9))
    fraction = left - whole
    reach = REACH if fraction > 1e-9 else 0
    width = tilts.shape[2]
    low, high = whole - reach, whole + columns + reach
    inside = slice(max(low, 0), min(high, width))
    image = np.asarray(tilts[tilt, rows, inside], dtype=np.float32)
    outside = (inside.start - low, high - inside.stop)
    if any(outside):
        image = np.pad(image, ((0, 0), outside), mode="edge")
    if not reach:
        return image
    shifted = correlate1d(image, _lanczos(fraction), axis=1, mode="nearest")
    return np.ascontiguousarray(shifted[:, reach:-reach])


def _lanczos(fraction: float) -> NDArray[np.float32]:
    """Taps of windowed-sinc interpolation: keeps noise white where linear would blur it."""
    offsets = np.arange(-REACH, REACH + 1) - fraction
    taps = np.sinc(offsets) * np.sinc(offsets / REACH) * (np.abs(offsets) < REACH)
    return (taps / taps.sum()).astype(np.float32)

"""What Compare shows beside images: the Fourier amplitude in xz, and a line profile."""

from __future__ import annotations

from typing import Any

import numpy as np

ROWS = 16
"""Rows of y over which the Fourier amplitude is averaged."""
WIDTH = 5
"""Voxels across a line over which its profile is averaged."""


def xz_amplitude(volume: Any, row: int) -> np.ndarray:
    """Logarithm of the Fourier amplitude in the xz plane, ``(kz, kx)``, zero in the middle.

    Parameters
    ----------
    volume : array_like
        ``(z, y, x)``.
    row : int
        Of y, around which it is averaged.
    """
    start = max(row - ROWS // 2, 0)
    planes = np.asarray(volume[:, start : start + ROWS], dtype=np.float32)
    planes = planes - planes.mean()
    window = np.outer(np.hanning(planes.shape[0] + 2)[1:-1], np.hanning(planes.shape[2] + 2)[1:-1])
    spectrum = np.fft.fft2(planes * window[:, None, :], axes=(0, 2))
    power = np.fft.fftshift((np.abs(spectrum) ** 2).mean(axis=1))
    return np.log10(np.sqrt(power) + 1e-12 * np.sqrt(power.max() + 1e-30) + 1e-30)


def draw_amplitude(axes: Any, volume: Any, row: int, wedge: tuple[float, float] | None) -> None:
    """The amplitude with the wedge's borders drawn in.

    Parameters
    ----------
    axes : Axes
        Of matplotlib; drawn on.
    volume : array_like
        ``(z, y, x)``.
    row : int
        Of y.
    wedge : tuple of float or None
        Degrees where the measured range ends and where it begins again.
    """
    image = xz_amplitude(volume, row)
    low, high = np.percentile(image, (5, 99.8))
    extent = (-0.5, 0.5, -0.5, 0.5)
    axes.imshow(image, cmap="magma", vmin=low, vmax=high, extent=extent, origin="lower")
    axes.set_aspect("equal")
    for angle in wedge or ():
        # tan(90°) is infinite: the direction itself is drawn, out to the frame
        x, z = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        reach = 0.5 / max(abs(x), abs(z))
        axes.plot([-reach * x, reach * x], [-reach * z, reach * z], color="#56b4e9", linewidth=1)
    axes.set_xlim(-0.5, 0.5)
    axes.set_ylim(-0.5, 0.5)
    axes.set_xlabel("kx (1/pixel)")
    axes.set_ylabel("kz (1/pixel)")


def line_profile(
    volume: Any, position: tuple[int, int, int], axis: int, *, width: int = WIDTH
) -> np.ndarray:
    """Values along an axis (0 z, 1 y, 2 x) through a voxel, averaged around the line.

    Parameters
    ----------
    volume : array_like
        ``(z, y, x)``.
    position : tuple of int
        Of the voxel; clipped to the volume.
    axis : int
        Along which the line goes.
    width : int
        Odd number of voxels along both other axes over which is averaged: a line of single
        voxels is mostly noise.
    """
    key: list[slice] = []
    for place, size in zip(position, volume.shape, strict=True):
        middle = min(max(place, 0), size - 1)
        key.append(slice(max(middle - width // 2, 0), middle + width // 2 + 1))
    key[axis] = slice(None)
    others = tuple(a for a in range(3) if a != axis)
    return np.asarray(volume[tuple(key)], dtype=np.float64).mean(axis=others)


class DifferenceVolume:
    """``a - b`` of two volumes of one shape, computed for what is displayed only."""

    def __init__(self, a: Any, b: Any) -> None:
        self._a, self._b = a, b
        self.shape = tuple(a.shape)
        self.dtype = np.dtype(np.float32)
        self.ndim = 3
        self.size = int(np.prod(self.shape))
        self.nbytes = 4 * self.size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        first = np.asarray(self._a[key], np.float32)
        return first - np.asarray(self._b[key], np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self[(slice(None),) * 3]
        return array if dtype is None else array.astype(dtype, copy=False)

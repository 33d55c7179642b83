"""The specimen's voxel grid, and how small shapes are added to it.

Volumes here are ordered ``(z, x, y)``, y contiguous: the order of the projection
operator, whose matrix acts on xz and whose columns are y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Volume = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Voxels of a specimen: shape ``(z, x, y)`` and spacing in nm."""

    nz: int
    nx: int
    ny: int
    spacing: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, x, y) voxels."""
        return self.nz, self.nx, self.ny

    @property
    def volume_nm3(self) -> float:
        """Volume of the grid in nm³."""
        return float(self.nz * self.nx * self.ny) * self.spacing**3

    def axes(self) -> tuple[Volume, Volume, Volume]:
        """Voxel coordinates from the centre, in nm, along z, x and y."""
        return tuple(  # type: ignore[return-value]
            ((np.arange(n) - (n - 1) / 2) * self.spacing).astype(np.float32) for n in self.shape
        )

    def random_points(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Uniform voxel positions ``(count, 3)`` in (z, x, y)."""
        return rng.uniform(0, 1, (count, 3)) * (np.array(self.shape) - 1)


def add_patch(volume: Volume, patch: Volume, corner: NDArray[np.intp]) -> None:
    """Add `patch` with its first voxel at `corner`; what falls outside is cropped."""
    into, out = [], []
    for start, size, limit in zip(corner, patch.shape, volume.shape, strict=True):
        low, high = max(int(start), 0), min(int(start) + size, limit)
        if low >= high:
            return
        into.append(slice(low, high))
        out.append(slice(low - int(start), high - int(start)))
    volume[tuple(into)] += patch[tuple(out)]


def add_gaussians(volume: Volume, points: NDArray[np.float64], sigma: float, height: float) -> None:
    """Add Gaussian balls at sub-voxel `points` ``(n, 3)``; `sigma` in voxels."""
    radius = int(np.ceil(3 * sigma))
    offsets = np.arange(-radius, radius + 1)
    shape = np.array(volume.shape)
    keep = np.all((points >= radius + 1) & (points < shape - radius - 2), axis=1)
    for chunk in np.array_split(points[keep], max(1, int(keep.sum()) // 2000)):
        if not len(chunk):
            continue
        nearest = np.rint(chunk).astype(np.intp)
        at = nearest[:, :, None] + offsets
        profile = np.exp(-((at - chunk[:, :, None]) ** 2) / (2 * sigma**2)).astype(np.float32)
        stamp = np.einsum("na,nb,nc->nabc", profile[:, 0], profile[:, 1], profile[:, 2])
        index = np.ravel_multi_index(
            (at[:, 0, :, None, None], at[:, 1, None, :, None], at[:, 2, None, None, :]),
            volume.shape,
        )
        np.add.at(volume.reshape(-1), index.ravel(), height * stamp.ravel())


def power_law_field(
    shape: tuple[int, ...], exponent: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gaussian field of unit variance whose power falls as frequency ** -exponent."""
    noise = np.fft.rfftn(rng.standard_normal(shape, dtype=np.float32))
    squared = np.zeros(noise.shape, np.float32)
    for axis, size in enumerate(shape):
        frequency = np.fft.rfftfreq(size) if axis == len(shape) - 1 else np.fft.fftfreq(size)
        # The longest axis would otherwise put all of the variance into one slow wave.
        squared += (frequency**2).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    floor = (1.0 / min(max(shape), 256)) ** 2
    noise *= (squared + floor) ** (-exponent / 4)
    noise[(0,) * len(shape)] = 0
    field = np.fft.irfftn(noise, s=shape, axes=range(len(shape))).astype(np.float32)
    return field / max(float(field.std()), 1e-12)


def smooth_map(
    nx: int, ny: int, scale: float, rng: np.random.Generator, exponent: float = 4.0
) -> NDArray[np.float32]:
    """Smooth random map ``(x, y)`` of unit variance, drawn on a grid `scale` times coarser."""
    coarse = (max(int(nx / scale), 4), max(int(ny / scale), 4))
    return upsample(power_law_field(coarse, exponent, rng), (nx, ny))


def upsample(field: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Linear interpolation of a 2-D or 3-D field to `shape`."""
    mode = {2: "bilinear", 3: "trilinear"}[field.ndim]
    result = torch.nn.functional.interpolate(
        torch.from_numpy(field)[None, None], size=shape, mode=mode, align_corners=True
    )
    return result[0, 0].numpy()

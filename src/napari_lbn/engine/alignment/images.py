"""Raw images aligned while they are read: rotation, shift, magnification and binning at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from ..geometry import rotation_centre
from .resampling import HALF_PIXEL, low_pass, outside, radius

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import Alignment

SPLINE_ORDER = 3
MARGIN = 14
"""Raw pixels around what is needed: the spline's prefilter has decayed to 1e-8 there."""
PIXELS_PER_THREAD = 1 << 18
MOST_THREADS = 8


class AlignedImages:
    """The aligned images ``(row of the alignment, y, x)`` of a raw stack, made on demand.

    Each pixel is interpolated once, with a cubic spline; binning removes higher frequencies from
    the raw image first, without resampling it. Pixels from outside the raw image have its mean.
    Any rows of an image come out as they would from the whole image.

    Parameters
    ----------
    raw : array_like
        ``(section, y, x)``, usually memory-mapped.
    alignment : Alignment
        Shifts in Å, or in pixels where `raw_pixel_size` is 1.
    raw_pixel_size : float
        Å.
    shape : tuple of int
        (y, x) of the aligned images.
    binning : float
        Aligned pixels are `binning` raw pixels wide.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(
        self,
        raw: Any,
        alignment: Alignment,
        *,
        raw_pixel_size: float,
        shape: tuple[int, int],
        binning: float = 1.0,
    ) -> None:
        self._raw = raw
        self._alignment = alignment
        self.raw_pixel_size = raw_pixel_size
        self._shifts = alignment.shifts / raw_pixel_size
        self._binning = float(binning)
        self._means: dict[int, float] = {}
        self.shape = (alignment.n_tilts, *shape)

    @property
    def alignment(self) -> Alignment:
        """The alignment that is applied."""
        return self._alignment

    @property
    def raw_shape(self) -> tuple[int, int, int]:
        """(section, y, x) of the raw stack."""
        sections, rows, columns = self._raw.shape
        return int(sections), int(rows), int(columns)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        """One image or rows of it (``images[i]``, ``images[i, rows]``), or any slice of all."""
        parts = key if isinstance(key, tuple) else (key,)
        first, *rest = parts
        if isinstance(first, int | np.integer):
            return self._image(int(first), *rest)
        chosen = np.arange(self.shape[0])[first]
        images = [self._image(int(i), *rest) for i in chosen]
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All images in memory."""
        return np.asarray(self[:], dtype=dtype)

    def _image(self, tilt: int, rows: Any = slice(None), columns: Any = slice(None)) -> Any:
        tilt = range(self.shape[0])[tilt]  # negative and out-of-range as in any sequence
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            return self._image(tilt)[rows, columns]
        start, stop, _ = rows.indices(self.shape[1])
        return self._threaded(tilt, start, max(stop, start))[:, columns]

    def _threaded(self, tilt: int, start: int, stop: int) -> NDArray[np.float32]:
        """The rows in equal parts, one a thread; SciPy's loops leave the interpreter free."""
        parts = min(_threads(), (stop - start) * self.shape[2] // PIXELS_PER_THREAD)
        if parts < 2:
            return self._rows(tilt, start, stop)
        self._mean(tilt)  # kept for all threads
        bounds = [start + (stop - start) * i // parts for i in range(parts + 1)]
        with ThreadPoolExecutor(parts) as pool:
            pieces = pool.map(lambda i: self._rows(tilt, bounds[i], bounds[i + 1]), range(parts))
            return np.concatenate(list(pieces))

    def _rows(self, tilt: int, start: int, stop: int) -> NDArray[np.float32]:
        """Rows ``start`` to ``stop`` of one aligned image."""
        from scipy import ndimage

        matrix, offset = self._to_raw(tilt)
        size = (stop - start, self.shape[2])
        if 0 in size:
            return np.empty(size, self.dtype)
        origin = offset + matrix[:, 0] * start
        corners = np.array([[0, 0], [0, size[1] - 1], [size[0] - 1, 0], [size[0] - 1, size[1] - 1]])
        reached = corners @ matrix.T + origin
        piece, corner = self._piece(tilt, reached.min(axis=0), reached.max(axis=0))
        fill = self._mean(tilt)
        if piece is None:
            return np.full(size, fill, self.dtype)
        image: NDArray[np.float32] = ndimage.affine_transform(
            piece,
            matrix,
            origin - corner,
            output_shape=size,
            output=self.dtype,
            order=SPLINE_ORDER,
            mode="nearest",
        )
        limits = np.array(self._raw.shape[1:]) - HALF_PIXEL
        if reached.min() < -HALF_PIXEL or np.any(reached.max(axis=0) > limits):
            image[outside(matrix, origin, size, limits)] = fill
        return image

    def _to_raw(self, tilt: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From aligned to raw pixel indices (y, x): matrix and offset."""
        forward = self._alignment.matrix(tilt)
        inverse = np.linalg.inv(forward)[::-1, ::-1]
        centre_raw = np.array([rotation_centre(n) for n in self._raw.shape[1:]])
        centre = np.array([rotation_centre(n) for n in self.shape[1:]])
        shift = self._shifts[tilt][::-1]
        matrix = np.asarray(inverse * self._binning, np.float64)
        offset = np.asarray(centre_raw - matrix @ centre - inverse @ shift, np.float64)
        return matrix, offset

    def _piece(
        self, tilt: int, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float64]]:
        """The part of the raw image that is needed, anti-aliased, and its first pixel."""
        section = int(self._alignment.sections[tilt])
        size = np.array(self._raw.shape[1:])
        reach = MARGIN + radius(self._binning)
        first = np.clip(np.floor(low).astype(int) - reach, 0, size)
        last = np.clip(np.ceil(high).astype(int) + reach + 1, 0, size)
        if np.any(last <= first):
            return None, first.astype(np.float64)
        data = self._raw[section, first[0] : last[0], first[1] : last[1]]
        piece = np.array(data, dtype=np.float32)
        bad = ~np.isfinite(piece)
        if bad.any():  # one of them would spread over the whole image through the spline
            piece[bad] = self._mean(tilt)
        return low_pass(piece, self._binning), first.astype(np.float64)

    def _mean(self, tilt: int) -> float:
        """Mean of a raw image, from a sample of its rows."""
        if tilt not in self._means:
            step = max(self._raw.shape[1] // 64, 1)
            sample = np.asarray(self._raw[int(self._alignment.sections[tilt]), ::step], np.float64)
            finite = sample[np.isfinite(sample)]
            self._means[tilt] = float(finite.mean()) if finite.size else 0.0
        return self._means[tilt]


def _threads() -> int:
    """As many as OpenMP would take: a batch gives each of its processes a share."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(wanted) if wanted.isdigit() else os.cpu_count() or 1, MOST_THREADS) or 1

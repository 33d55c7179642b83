"""Array-likes that compute only what napari displays."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_lbn.engine.tilt_series import TiltSeries


def _full_key(key: Any, ndim: int) -> tuple[Any, ...]:
    """An index for every axis: ellipses and missing trailing axes become whole slices."""
    parts = key if isinstance(key, tuple) else (key,)
    if any(part is Ellipsis for part in parts):
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        filler = (slice(None),) * (ndim - len(parts) + 1)
        parts = parts[:at] + filler + parts[at + 1 :]
    return parts + (slice(None),) * (ndim - len(parts))


class LazyArray:
    """The few members that napari asks of an array; `shape` and `dtype` come from subclasses."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes of the array if it were computed."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self[(slice(None),) * self.ndim])
        return array if dtype is None else array.astype(dtype, copy=False)


class TiltStack(LazyArray):
    """A tilt series as ``(n, 1, y, x)``, ascending in angle, read image by image.

    The unit axis is z: beside a tomogram ``(z, y, x)`` the stack then has a slider of its
    own for the tilt, and y and x mean the same in both.
    """

    def __init__(self, series: TiltSeries) -> None:
        self._images = series.images
        self._sections = series.sections
        self.shape = (series.n_tilts, 1, *series.image_shape)
        self.dtype = np.dtype(series.images.dtype)

    def __getitem__(self, key: Any) -> np.ndarray:
        tilt, z, *rest = _full_key(key, self.ndim)
        sections = self._sections[tilt]
        if np.ndim(sections) == 0:
            return np.asarray(self._images[(sections, *rest)])[None][z]
        if len(sections) == 0:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), z, *rest)]
        images = [np.asarray(self._images[(section, *rest)]) for section in sections]
        return np.stack(images)[:, None][:, z]


class BlendedVolume(LazyArray):
    """``measured + alpha * synthesized``, computed for what is asked for only.

    WBP is linear in its tilts, so that alpha = 0 is the tomogram of the measured tilts, to
    the bit, and alpha = 1 the tomogram of the augmented stack.

    Parameters
    ----------
    measured, synthesized : ndarray
        ``(z, y, x)`` float32, shared with whoever fills them.
    alpha : float
        Share of the synthesized part, 0 to 1.
    """

    def __init__(
        self, measured: np.ndarray, synthesized: np.ndarray, *, alpha: float = 1.0
    ) -> None:
        self._measured = measured
        self._synthesized = synthesized
        self.alpha = alpha
        self.shape = tuple(measured.shape)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: Any) -> np.ndarray:
        measured = np.asarray(self._measured[key], np.float32)
        if self.alpha == 0:
            return measured
        return measured + np.float32(self.alpha) * np.asarray(self._synthesized[key], np.float32)


class ScaledVolume(LazyArray):
    """``alpha * synthesized``: what the synthesized tilts add, as a layer of its own."""

    def __init__(self, synthesized: np.ndarray, *, alpha: float = 1.0) -> None:
        self._synthesized = synthesized
        self.alpha = alpha
        self.shape = tuple(synthesized.shape)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.float32(self.alpha) * np.asarray(self._synthesized[key], np.float32)


class MaskedVolume(LazyArray):
    """A blended tomogram of which regions with a high spread are not shown.

    Parameters
    ----------
    whole : BlendedVolume
        What is masked; it stays as it is.
    measured : ndarray or None
        ``(z, y, x)`` shown in the masked regions; None shows 0, the tomogram's mean.
    spread : ndarray
        ``(z, y, x)``.
    threshold : float
        In the units of the spread.
    """

    def __init__(
        self,
        whole: BlendedVolume,
        measured: np.ndarray | None,
        spread: np.ndarray,
        *,
        threshold: float,
    ) -> None:
        self.whole = whole
        self._measured = measured
        self._spread = spread
        self.threshold = threshold
        self.shape = whole.shape
        self.dtype = whole.dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        values = self.whole[key]
        instead = np.float32(0) if self._measured is None else self._measured[key]
        masked = np.asarray(self._spread[key]) > self.threshold
        return np.where(masked, instead, values).astype(np.float32, copy=False)


class SpreadTilts(LazyArray):
    """Spread of the synthesized tilts ``(n, 1, y, x)``; 0 at measured angles, which keep theirs.

    Parameters
    ----------
    spread : ndarray
        ``(m, y, x)`` of the synthesized tilts.
    synthesized : ndarray of bool
        ``(n,)`` which angles those are.
    """

    def __init__(self, spread: np.ndarray, synthesized: np.ndarray) -> None:
        self._spread = spread
        self._place = np.where(synthesized, np.cumsum(synthesized) - 1, -1)
        self.shape = (synthesized.size, 1, *spread.shape[1:])
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: Any) -> np.ndarray:
        tilt, z, *rest = _full_key(key, self.ndim)
        places = self._place[tilt]
        if np.ndim(places) == 0:
            return self._image(int(places))[tuple(rest)][None][z]
        images = [self._image(int(place))[tuple(rest)] for place in places]
        empty = np.empty((0, *self.shape[2:]), self.dtype)[(slice(None), *rest)]
        return (np.stack(images) if images else empty)[:, None][:, z]

    def _image(self, place: int) -> np.ndarray:
        return np.zeros(self.shape[2:], self.dtype) if place < 0 else self._spread[place]

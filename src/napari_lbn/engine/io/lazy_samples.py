"""Samples on the disk that become densities when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class LazySamples:
    """An array that is read piece by piece, with the scale that its file tells.

    Parameters
    ----------
    path : Path
        Of the file or folder; named in errors.
    samples : array_like
        With shape, dtype and slices.
    scale, offset : float
        ``density = scale * sample + offset``; with others than 1 and 0, pieces are float32.

    Raises
    ------
    InputError
        When a piece is read that is damaged.
    """

    def __init__(self, path: Path, samples: Any, *, scale: float = 1.0, offset: float = 0.0):
        self._path, self._samples = path, samples
        self._scale, self._offset = np.float32(scale), np.float32(offset)
        self._scaled = (scale, offset) != (1.0, 0.0)
        self.shape: tuple[int, ...] = tuple(int(n) for n in samples.shape)
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape, dtype=np.int64))
        self.dtype = np.dtype(np.float32) if self._scaled else np.dtype(samples.dtype)
        self.nbytes = self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    def __getitem__(self, where: Any) -> NDArray[Any]:
        """A piece, read now."""
        try:
            piece = np.asarray(self._samples[where])
        except IndexError:
            raise
        except Exception as error:  # codecs raise many types on damaged chunks
            raise InputError(
                f"{self._path} is damaged: a part of it cannot be read ({str(error)[:100]}).",
                "Copy it again, or write it anew.",
            ) from error
        if not self._scaled:
            return piece
        return piece.astype(np.float32) * self._scale + self._offset

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it."""
        whole = self[...]
        return whole if dtype is None else whole.astype(dtype, copy=False)

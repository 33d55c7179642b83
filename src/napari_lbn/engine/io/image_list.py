"""Single images as one stack: RELION and Warp keep one file a tilt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .mrc.read import map_mrc, read_mrc_header

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class ImageList:
    """MRC images of one size as ``(section, y, x)``; each is mapped when it is read.

    Parameters
    ----------
    files : tuple of Path
        One image each.

    Raises
    ------
    InputError
        A file that cannot be read, or images of different sizes.
    """

    ndim = 3

    def __init__(self, files: tuple[Path, ...]) -> None:
        headers = [read_mrc_header(file) for file in files]
        for file, header in zip(files, headers, strict=True):
            if header.shape != (1, *headers[0].shape[1:]):
                raise InputError(
                    f"{file} holds {header.shape[0]} images of {header.shape[1]} × "
                    f"{header.shape[2]}, not one of {headers[0].shape[1]} × "
                    f"{headers[0].shape[2]} like the others.",
                    "Give the images of one tilt series.",
                )
        self._files = files
        self._headers = headers
        self.shape = (len(files), *headers[0].shape[1:])
        self.dtype = headers[0].dtype
        self.pixel_size = headers[0].pixel_size

    def __getitem__(self, key: Any) -> NDArray[Any]:
        section, *rest = key if isinstance(key, tuple) else (key,)
        image = map_mrc(self._files[int(section)], self._headers[int(section)])
        return np.asarray(image[(0, *rest)])

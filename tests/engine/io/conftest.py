"""MRC files as programs and accidents make them, written with mrcfile or byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from mrcfile.dtypes import HEADER_DTYPE

MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}

WriteMrc = Callable[..., Path]


def raw_mrc(
    path: Path,
    images: np.ndarray,
    *,
    mode: int = 2,
    order: str = "<",
    extended: bytes = b"",
    words: tuple[int, int] = (0, 0),
    **fields: Any,
) -> Path:
    """Write an MRC file whose header fields are whatever the test says."""
    header: Any = np.zeros((), HEADER_DTYPE.newbyteorder(order))
    header["nz"], header["ny"], header["nx"] = images.shape
    header["mz"], header["my"], header["mx"] = images.shape
    header["mode"] = mode
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["nsymbt"] = len(extended)
    header["map"] = b"MAP "
    header["machst"] = (0x44, 0x44, 0, 0) if order == "<" else (0x11, 0x11, 0, 0)
    for name, value in fields.items():
        header[name] = value
    head = bytearray(header.tobytes())
    head[128:132] = np.array(words, f"{order}i2").tobytes()
    kind = MODES.get(mode, "u1")
    path.write_bytes(bytes(head) + extended + images.astype(f"{order}{kind}").tobytes())
    return path


@pytest.fixture
def stack(tmp_path: Path) -> WriteMrc:
    """Write a small image stack with mrcfile, and a ``.tlt`` beside it where angles are given."""

    def write(
        name: str = "TS.mrc",
        *,
        images: np.ndarray | None = None,
        angles: Any = (-40, -20, 0, 20, 40),
        pixel_size: float = 7.5,
    ) -> Path:
        if images is None:
            images = np.random.default_rng(1).normal(size=(5, 6, 8)).astype("f4")
        path = tmp_path / name
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(images)
            file.set_image_stack()
            file.voxel_size = pixel_size
        if angles is not None:
            lines = "".join(f"{angle:8.2f}\n" for angle in angles)
            path.with_suffix(".tlt").write_text(lines)
        return path

    return write

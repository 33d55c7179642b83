"""Writing SerialEM's ``.mdoc``: angles, order and exposure of a simulated stack."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from ..files.text_output import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike

START = datetime(2020, 1, 1)
INTERVAL = timedelta(minutes=1)
"""Between two tilts: an .mdoc tells the order of acquisition by its times."""


def write_mdoc(
    path: str | Path,
    angles: ArrayLike,
    *,
    order: ArrayLike,
    dose: ArrayLike,
    stack: str,
    shape: tuple[int, int],
    pixel_size: float,
    title: str,
) -> Path:
    """Write the ``.mdoc`` of a stack.

    Parameters
    ----------
    path : path
        File to write.
    angles : array_like
        ``(n,)`` degrees, in the order of the stack.
    order : array_like
        ``(n,)`` rank in time.
    dose : array_like
        ``(n,)`` exposure of each tilt, e/Å².
    stack : str
        File name of the stack.
    shape : tuple of int
        (y, x).
    pixel_size : float
        Å.
    title : str
        One line.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    lines = [
        f"PixelSpacing = {pixel_size:g}",
        f"ImageFile = {stack}",
        f"ImageSize = {shape[1]} {shape[0]}",
        "DataMode = 2",
        "",
        f"[T = {title}]",
        "",
    ]
    ranks = np.argsort(np.argsort(np.asarray(order), kind="stable"), kind="stable")
    table = zip(np.asarray(angles), ranks, np.asarray(dose), strict=True)
    for section, (angle, rank, own) in enumerate(table):
        time = START + int(rank) * INTERVAL
        lines += [
            f"[ZValue = {section}]",
            f"TiltAngle = {angle:.3f}",
            f"PixelSpacing = {pixel_size:g}",
            f"ExposureDose = {own:.5g}",
            f"DateTime = {time:%d-%b-%y  %H:%M:%S}",
            "",
        ]
    return write_text(path, "\n".join(lines))

"""Stacks of tilts as MRC files that IMOD, AreTomo and RELION take unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InternalError
from ..files.atomic import atomic_path, check_free_space
from .header import HEADER_BYTES
from .write import (
    IMAGE_STACK,
    SAMPLE,
    RunningStatistics,
    as_samples,
    write_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray


def write_stack(
    path: str | Path,
    tilts: Iterable[ArrayLike] | NDArray[Any],
    *,
    n: int | None = None,
    shape: tuple[int, int] | None = None,
    pixel_size: float | None,
    labels: Sequence[str] = (),
) -> Path:
    """Write an image stack as float32 MRC (space group 0), one image in memory at a time.

    Parameters
    ----------
    path : path
        File to write; an older one is replaced at the end.
    tilts : array ``(n, y, x)`` or iterable of ``(y, x)`` images
        Intensities are written as they are.
    n, shape : int, (int, int)
        Number of images and their (y, x); needed where `tilts` is not an array.
    pixel_size : float or None
        Å.
    labels : sequence of str
        Lines for the header; the program's own comes first.

    Raises
    ------
    OutputError
        The file cannot be written; nothing is left behind.
    """
    path = Path(path)
    if n is None or shape is None:
        whole: tuple[int, ...] = getattr(tilts, "shape", ())
        if len(whole) != len(("n", "y", "x")):
            raise InternalError("write_stack needs n and shape for images that are no array.")
        n, shape = whole[0], (whole[1], whole[2])
    check_free_space(path.parent, HEADER_BYTES + n * shape[0] * shape[1] * SAMPLE.itemsize)
    statistics = RunningStatistics()
    with atomic_path(path) as temporary, temporary.open("xb") as stream:
        stream.write(bytes(HEADER_BYTES))
        count = 0
        for tilt in tilts:
            image = as_samples(tilt, shape)
            statistics.add(image)
            stream.write(image.tobytes())
            count += 1
        if count != n:
            raise InternalError(f"{path.name}: {count} images came where {n} were announced.")
        write_header(stream, (n, *shape), IMAGE_STACK, pixel_size, statistics, labels)
    return path

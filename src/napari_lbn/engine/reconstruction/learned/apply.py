"""A learned filter in place of the ramp: tilts filtered once, then back-projected."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import InputError
from ...events import Progress, raise_if_cancelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...events import CancelToken, Job
    from ..source import TiltSource
    from .model import LearnedFilter

LARGE = 1 << 30
"""Bytes of filtered tilts from which they go to a temporary file."""


def filtered_source(
    source: TiltSource,
    model: LearnedFilter,
    *,
    cancel: CancelToken | None = None,
    fractions: tuple[float, float] = (0.0, 0.3),
) -> Job[TiltSource]:
    """Filter all tilts; reconstruct the result with ``WBPSettings(filter="none")``.

    Two-dimensional filters couple rows, so that this comes before the slabs of y. One
    tilt is in memory at a time, or all of them for variants that mix tilts.

    Parameters
    ----------
    source : TiltSource
        Unfiltered tilts, at the filter's angles.
    model : LearnedFilter
        See `transfer` for other angles.
    cancel : CancelToken, optional
        Looked at before every tilt.
    fractions : tuple of float
        Where this part of a job begins and ends.

    Raises
    ------
    InputError
        Angles that are not the filter's.
    """
    angles = np.asarray(source.angles)
    wanted = np.asarray(model.config.angles)
    if angles.shape != wanted.shape or not np.allclose(angles, wanted, atol=0.5):
        raise InputError(
            f"The filter was learned for {len(wanted)} tilts from {wanted[0]:g} to "
            f"{wanted[-1]:g} degrees, the series has {len(angles)} from {angles[0]:g} to "
            f"{angles[-1]:g}.",
            "Transfer the filter to these angles.",
        )
    filtered = _room(len(angles), source.shape_yx)
    step = len(angles) if model.config.mixes_tilts else 1
    tilts = source.read_rows(slice(0, source.shape_yx[0])) if step > 1 else None
    for first in range(0, len(angles), step):
        raise_if_cancelled(cancel)
        chosen = range(first, min(first + step, len(angles)))
        part = _read(source, chosen) if tilts is None else tilts
        with torch.no_grad():
            filtered[chosen.start : chosen.stop] = model(
                torch.from_numpy(np.ascontiguousarray(part)), list(chosen)
            ).numpy()
        yield Progress(
            stage="Filtering tilts",
            done=chosen.stop,
            total=len(angles),
            fraction=fractions[0] + (fractions[1] - fractions[0]) * chosen.stop / len(angles),
        )
    return replace(source, read_rows=lambda rows: np.asarray(filtered[:, rows]))


def _read(source: TiltSource, chosen: range) -> NDArray[np.float32]:
    """Some tilts whole. Sources give rows of all tilts, so few rows at a time are held."""
    ny, nx = source.shape_yx
    tilts = np.empty((len(chosen), ny, nx), np.float32)
    rows = max(1, LARGE // (8 * len(source.angles) * nx))
    for start in range(0, ny, rows):
        piece = slice(start, min(start + rows, ny))
        tilts[:, piece] = source.read_rows(piece)[chosen.start : chosen.stop]
    return tilts


def _room(n_tilts: int, shape_yx: tuple[int, int]) -> NDArray[np.float32]:
    """An array for filtered tilts, on the disk where it is large."""
    shape = (n_tilts, *shape_yx)
    if 4 * int(np.prod(shape, dtype=np.int64)) < LARGE:
        return np.empty(shape, np.float32)
    file = TemporaryFile()  # noqa: SIM115  the mapping keeps it open; gone with the last of it
    return np.memmap(file, np.float32, "w+", shape=shape)

"""Alignments as writers need them: of any series, and with a row for every image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .images import AlignedImages
from .model import Alignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..tilt_series import TiltSeries


def alignment_of(series: TiltSeries) -> Alignment:
    """The alignment of a series: what is applied to its raw images, or none for aligned ones.

    Rows are in the order of the stack's sections; tilts that the series excludes are excluded,
    and angles are those of the series, inverted ones too.
    """
    order = np.argsort(series.sections, kind="stable")
    rank = {int(tilt): row for row, tilt in enumerate(order)}
    excluded = frozenset(rank[tilt] for tilt in series.excluded)
    common: dict[str, Any] = {
        "angles": series.angles[order],
        "excluded": excluded,
        "order": None if series.order is None else series.order[order],
        "dose": None if series.dose is None else series.dose[order],
    }
    if isinstance(series.images, AlignedImages):
        return replace(series.images.alignment, **common)
    count = series.n_tilts
    return Alignment(
        rotations=np.zeros(count),
        shifts=np.zeros((count, 2)),
        sections=series.sections[order],
        pixel_size=series.pixel_size,
        source=series.name,
        **common,
    )


def complete(alignment: Alignment, count: int) -> tuple[Alignment, list[str]]:
    """A row for each of `count` images, in their order, and what had to be made up for it.

    Images that the alignment does not speak of are excluded; their angle lies between those of
    their neighbours.
    """
    missing = np.setdiff1d(np.arange(count), alignment.sections)
    order = np.argsort(np.concatenate([alignment.sections, missing]), kind="stable")
    known = np.argsort(alignment.sections)
    guessed = np.interp(missing, alignment.sections[known], alignment.angles[known])
    added = len(missing)
    excluded = [int(row) for row, old in enumerate(order) if old in alignment.excluded]
    excluded += [row for row, old in enumerate(order) if old >= alignment.n_tilts]
    whole = replace(
        alignment,
        angles=np.concatenate([alignment.angles, guessed])[order],
        rotations=_extended(alignment.rotations, added)[order],
        shifts=np.concatenate([alignment.shifts, np.zeros((added, 2))])[order],
        sections=np.arange(count),
        magnifications=None
        if alignment.magnifications is None
        else np.concatenate([alignment.magnifications, np.ones(added)])[order],
        excluded=frozenset(excluded),
        order=_reordered(alignment.order, order, added),
        dose=_reordered(alignment.dose, order, added),
    )
    if not added:
        return whole, []
    listed = ", ".join(str(section + 1) for section in missing[:8])
    told = (
        f"{added} images have no alignment (sections {listed}); they are written as left out, "
        "with an angle between their neighbours'."
    )
    return whole, [told]


def _extended(values: NDArray[np.float64], added: int) -> NDArray[np.float64]:
    return np.concatenate([values, np.full(added, np.median(values))])


def _reordered(
    values: NDArray[Any] | None, order: NDArray[np.intp], added: int
) -> NDArray[Any] | None:
    """Order or dose; unknown as a whole where an image has none."""
    return None if values is None or added else values[order]

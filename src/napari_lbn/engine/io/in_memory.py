"""Tilt series of images that are in no file, or in one that we do not read."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tilt_series import TiltSeries
from .angles.choose import AngleSource, as_recorded, given_angles, sort_by_angle, wrong_count


def series_in_memory(
    images: Any, angles: AngleSource, *, name: str, pixel_size: float | None = None
) -> TiltSeries:
    """A tilt series of images in memory, checked as `open_tilt_series` checks files.

    Parameters
    ----------
    images : array_like
        ``(section, y, x)``.
    angles : path, EvenAngles or sequence of float
        An angle file, even steps, or degrees in the order of the images.
    name : str
        For layers and output files.
    pixel_size : float or None
        Ångström; None where unknown.

    Raises
    ------
    InputError
        Another number of angles than of images, or angles that cannot be those of a series.
    """
    count = len(images)
    table = given_angles(angles, count)
    if len(table.angles) != count:
        raise wrong_count(name, table, count)
    warnings: list[str] = []
    values, sorting = sort_by_angle(name, table, warnings)
    return TiltSeries(
        images=images,
        angles=values,
        sections=sorting,
        pixel_size=table.pixel_size if pixel_size is None else pixel_size,
        name=name,
        order=None if table.order is None else table.order[sorting],
        dose=None if table.dose is None else table.dose[sorting],
        history={
            "angles": table.source,
            **as_recorded(angles),
            "angles_were_sorted": not np.array_equal(sorting, np.arange(count)),
            "warnings": warnings,
        },
    )

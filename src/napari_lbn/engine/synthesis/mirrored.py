"""The mean of two syntheses: of a series, and of its mirror image, mirrored back. Not in the paper.

Images mirrored along y and x, at the same angles, are those of the specimen inverted through its
centre: as good a specimen, which falls otherwise on the latents' lattice and beside its edges.
What the two have in common is better than either; docs/method.md has by how much.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..events import Event, Job, Progress, TiltReady

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..tilt_series import TiltSeries
    from .settings import Synthesis, SynthesisSettings


def mirrored_series(series: TiltSeries) -> TiltSeries:
    """The same series with every image mirrored along y and x when it is read."""
    return replace(series, images=_Mirrored(series.images))


def mirrored_settings(settings: SynthesisSettings, height: int) -> SynthesisSettings:
    """Settings with the rows where they lie in mirrored images of this height."""
    return replace(settings, rows=_mirrored_rows(settings.rows, height))


def mirror(images: NDArray[Any]) -> NDArray[Any]:
    """Images ``(..., y, x)`` mirrored along y and x."""
    return images[..., ::-1, ::-1]


def mean_of_both(plain: Job[Synthesis], mirrored: Callable[[], Job[Synthesis]]) -> Job[Synthesis]:
    """Two syntheses one after the other, and the mean of what they make.

    Parameters
    ----------
    plain : generator
        Of the series as it is; only its progress is told.
    mirrored : callable
        Begins that of the series mirrored. Its tilts are told as they are of both.
    """
    first = yield from _each(plain, lambda event: event if isinstance(event, Progress) else None)

    def of_both(event: Event) -> Event:
        if not isinstance(event, TiltReady):
            return event
        return replace(event, image=(first.tilts[event.index] + mirror(event.image)) / 2)

    second = yield from _each(mirrored(), of_both)
    _mean(first.tilts, second.tilts)
    if first.box_tilts is not None and second.box_tilts is not None:
        _mean(first.box_tilts, second.box_tilts)
    return first


def _each(job: Job[Synthesis], told: Callable[[Event], Event | None]) -> Job[Synthesis]:
    """A job, with other events or without some."""
    try:
        while True:
            event = told(next(job))
            if event is not None:
                yield event
    except StopIteration as stop:
        result: Synthesis = stop.value
        return result
    finally:
        job.close()


def _mean(tilts: NDArray[np.float32], mirrored: NDArray[np.float32]) -> None:
    """In place of the first, one tilt at a time."""
    for i, other in enumerate(mirrored):
        tilts[i] += mirror(other)
        tilts[i] /= 2


def _mirrored_rows(rows: slice, height: int) -> slice:
    start, stop, _ = rows.indices(height)
    return slice(height - stop, height - start)


class _Mirrored:
    """Images ``(section, y, x)`` that are mirrored along y and x when they are read."""

    def __init__(self, images: Any) -> None:
        self._images = images
        self.shape, self.dtype = tuple(images.shape), images.dtype

    def __getitem__(self, key: tuple[int, slice]) -> NDArray[Any]:
        section, rows = key
        return mirror(np.asarray(self._images[section, _mirrored_rows(rows, self.shape[1])]))

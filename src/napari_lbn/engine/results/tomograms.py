"""Tomograms in memory, put together from the slabs that a job yields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..events import Event, SlabReady

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Tomograms:
    """Takes the events of a job, and keeps its tomograms by their part.

    Give it to `drain`, and ask for a part once the job has ended:

    >>> tomograms = Tomograms()
    >>> result = drain(correct(series, settings), tomograms)
    >>> plain, corrected = tomograms["measured"], tomograms.blended()
    """

    def __init__(self) -> None:
        self._slabs: dict[str, list[NDArray[np.float32]]] = {}

    def __call__(self, event: Event) -> None:
        """Keep a slab; anything else, and a preview, passes by."""
        if isinstance(event, SlabReady) and not event.preview:
            self._slabs.setdefault(event.part, []).append(event.slab)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts so far, in the order of their beginnings."""
        return tuple(self._slabs)

    def __getitem__(self, part: str) -> NDArray[np.float32]:
        """A tomogram ``(z, y, x)`` by its part: "measured", "synthesized", "denoised", "whole"."""
        slabs = self._slabs[part]
        if len(slabs) > 1:  # put together once
            slabs[:] = [np.concatenate(slabs, axis=1)]
        return slabs[0]

    def blended(self, alpha: float = 1.0) -> NDArray[np.float32]:
        """The tomogram ``(z, y, x)`` of measured + alpha * synthesized tilts; 0 is plain WBP.

        A correction with nothing to synthesize has the plain one at any alpha.
        """
        plain = self["measured"]
        if "synthesized" not in self._slabs:
            return plain.copy()
        return plain + np.float32(alpha) * self["synthesized"]

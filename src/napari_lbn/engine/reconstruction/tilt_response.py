"""What weighted back-projection multiplies the spectrum of each tilt with."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..angular_weights import measured_weights
from .responses import exact_weighting, fall_off, filter_response, sirt_like

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from .filters import Response
    from .settings import WBPSettings


class TiltResponse:
    """Filter, low-pass and angular weight of every tilt.

    Parameters
    ----------
    angles, weights : ndarray
        ``(n_tilts,)`` degrees and radians.
    nx : int
        Width of the tilts in pixels.
    settings : WBPSettings
        Filter, cut-off, thickness.
    """

    def __init__(
        self,
        angles: NDArray[np.float64],
        weights: NDArray[np.float64],
        nx: int,
        settings: WBPSettings,
    ) -> None:
        self._angles = angles
        self._nx = nx
        self._settings = settings
        self._range = float(weights.sum())
        self._weights = _exact_shares(angles, weights) if settings.filter == "exact" else weights
        self._shape = lru_cache(maxsize=2)(self._make_shape)

    def of(self, some: slice) -> Response:
        """The response of some of the tilts, ``(tilts, 1, n // 2 + 1)`` for lines of n pixels."""

        def respond(n: int) -> Tensor:
            shape = self._shape(n)
            shape = shape[some] if len(shape) > 1 else shape
            return (shape * torch.from_numpy(self._weights[some])[:, None])[:, None]

        return respond

    def _make_shape(self, n: int) -> Tensor:
        """``(n_tilts or 1, n // 2 + 1)`` without the angular weights."""
        chosen = self._settings
        if chosen.filter == "exact":
            shape = exact_weighting(n, self._angles, chosen.thickness, self._nx)
        elif chosen.filter == "sirt-like":
            shape = sirt_like(n, self._range, chosen.thickness, chosen.sirt_iterations)[None]
        else:
            shape = filter_response(chosen.filter, n, dtype=torch.float64)[None]
        frequency = torch.fft.rfftfreq(n, dtype=torch.float64)
        return shape * fall_off(frequency, chosen.cutoff, chosen.falloff)


def _exact_shares(angles: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each tilt counts beside what the exact weighting knows by itself.

    It contains the angular weights, also those beside gaps; what remains is a tilt made
    to count less, as synthesized ones at an amplitude below 1.
    """
    return np.minimum(weights / measured_weights(angles, cap_gaps=True), 1.0)

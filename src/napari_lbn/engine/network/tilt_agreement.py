"""How tilts agree with what one volume shows of them: in strength, and at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import Tensor

MOST = 2.0
"""No tilt is scaled by more, but for the power."""
LEAST_COLUMNS = 0.25
"""Of the field of view, that compare a tilt's contrast, however oblique it is."""
CHANCE, CERTAIN = 0.15, 0.5
"""Share of the variance that one volume explains of noise, and of any specimen but faint ones."""


def tilt_scales(explained: Tensor, measured: Tensor, angles: ArrayLike) -> Tensor:
    """How much more contrast each tilt has than one volume gives it, beside the others.

    Parameters
    ----------
    explained, measured : Tensor
        ``(n, 1, y, x)``. What the untilted view shows is compared: the middle cos θ of the columns.
    angles : array_like
        ``(n,)`` degrees.

    Returns
    -------
    Tensor
        ``(n,)``, of mean 1; no gradient passes.
    """
    with torch.no_grad():
        pairs = zip(explained, measured, np.asarray(angles, float), strict=True)
        scales = torch.stack([_contrast(*pair) for pair in pairs])
        return (scales / scales.mean().clamp_min(1e-6)).clamp(1 / MOST, MOST)


def explained_share(explained: Tensor, measured: Tensor, angles: ArrayLike) -> float:
    """How much of what changes slowly one volume explains: the share of the variance.

    Parameters
    ----------
    explained, measured : Tensor
        ``(n, 1, y, x)``, compared where the untilted view shows them, as in `tilt_scales`.
    angles : array_like
        ``(n,)`` degrees.

    Returns
    -------
    float
        Square of the tilts' mean correlation; 0 where that is negative.
    """
    with torch.no_grad():
        found = [
            _correlation(_middle(made, angle), _middle(seen, angle))
            for made, seen, angle in zip(
                explained, measured, np.asarray(angles, float), strict=True
            )
        ]
        return float(torch.stack(found).mean().clamp_min(0.0)) ** 2


def confidence(share: float) -> float:
    """Whether the tilts show one specimen, by the share of them that one volume explains.

    0 up to `CHANCE`, 1 from `CERTAIN` on, a straight line between.
    """
    return min(max((share - CHANCE) / (CERTAIN - CHANCE), 0.0), 1.0)


def _contrast(explained: Tensor, measured: Tensor, angle: float) -> Tensor:
    """Standard deviation of a measured tilt over that of the explained one; 1 where that is 0."""
    made, seen = (_middle(v, angle).std(correction=0) for v in (explained, measured))
    return torch.where(made > 0, seen / made, 1.0)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson; 0 where either is flat."""
    a, b = a - a.mean(), b - b.mean()
    size = a.norm() * b.norm()
    return torch.where(size > 0, (a * b).sum() / size, 0.0)


def _middle(tilt: Tensor, angle: float) -> Tensor:
    """The columns that the untilted view shows."""
    share = max(abs(math.cos(math.radians(angle))), LEAST_COLUMNS)
    beside = int(tilt.shape[-1] * (1 - share) / 2)
    return tilt[..., beside : tilt.shape[-1] - beside]

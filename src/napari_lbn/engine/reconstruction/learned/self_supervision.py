"""A loss without truth: predict tilts that the reconstruction has not seen.

Noise of different tilts is independent, so the filter whose tomogram, re-projected,
comes closest to held-out noisy tilts is the one that comes closest to the clean ones
(Noise2Self; Batson & Royer 2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import InputError
from .back_projection import Reprojector, RowBackProjector
from .examples import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from .losses import LossSettings
    from .model import LearnedFilter

FOLDS = 4
"""Every FOLDS-th tilt is held out, one fold after the other."""
SMALL = 1e-12


def hold_out_examples(
    tilts: NDArray[np.float32], angles: NDArray[np.float64], thickness: int
) -> list[Example]:
    """Real tilts ``(n, y, x)`` as an example without truth.

    Raises
    ------
    InputError
        Fewer than 8 tilts: too few to hold any out.
    """
    if len(tilts) < 2 * FOLDS:
        raise InputError(
            f"{len(tilts)} tilts are too few to learn a filter from.", f"At least {2 * FOLDS}."
        )
    centred = tilts - tilts.mean((1, 2), keepdims=True)
    return [
        Example(
            tilts=np.ascontiguousarray(centred, np.float32),
            angles=np.asarray(angles, np.float64),
            truth=None,
            thickness=thickness,
        )
    ]


class HoldOut:
    """One fold of held-out tilts of one example.

    Parameters
    ----------
    example : Example
        Its tilts at all angles.
    fold : int
        0 to 3: which tilts are held out. The first and the last tilt never are.
    device : str
        Torch device.

    Attributes
    ----------
    hidden, visible : ndarray
        Indices of tilts.
    back_project : RowBackProjector
        From the visible tilts.
    re_project : Reprojector
        At the hidden angles.
    seen : Tensor
        ``(hidden, 1, x)``, 1 where a ray passes through the whole slab.
    """

    def __init__(self, example: Example, fold: int, device: str = "cpu") -> None:
        n_tilts = len(example.angles)
        inner = np.arange(1, n_tilts - 1)
        self.hidden = inner[(inner - 1) % FOLDS == fold % FOLDS]
        self.visible = np.setdiff1d(np.arange(n_tilts), self.hidden)
        nx, depth = example.tilts.shape[2], example.thickness
        self.back_project = RowBackProjector(example.angles[self.visible], nx, depth, device)
        self.re_project = Reprojector(example.angles[self.hidden], nx, depth, device)
        self.seen = self.re_project.seen[:, None]

    def predict(self, model: LearnedFilter, tilts: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Filtered visible tilts, and the tomogram of these rows ``(z, rows, x)``."""
        if model.config.mixes_tilts:
            # The filter runs over the tilt index: hidden tilts become their neighbours' mean.
            whole = tilts.clone()
            whole[self.hidden] = (tilts[self.hidden - 1] + tilts[self.hidden + 1]) / 2
            filtered = model(whole)[self.visible]
        else:
            filtered = model(tilts[self.visible], self.visible.tolist())
        return filtered, self.back_project(filtered[:, rows])

    def loss(self, volume: Tensor, tilts: Tensor, rows: slice, settings: LossSettings) -> Tensor:
        """Misfit at the held-out tilts, relative to their variance, of rays seen whole."""
        target = tilts[self.hidden][:, rows]
        error = (self.re_project(volume) - target) * self.seen
        count = (self.seen.sum() * target.shape[1]).clamp(min=1)
        scale = ((target * self.seen) ** 2).sum() / count + SMALL
        square = error**2 / scale
        if settings.fidelity == "huber":
            delta = settings.huber_delta
            square = torch.where(
                square < delta**2, square / 2, delta * ((square + SMALL).sqrt() - delta / 2)
            )
        return square.sum() / count

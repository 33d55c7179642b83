"""One update of a learned filter: an example, some of its rows, the losses, AdamW."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import InputError
from .back_projection import RowBackProjector
from .grids import radius_grid
from .losses import LossSettings, fidelity, total_variation
from .self_supervision import FOLDS, HoldOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Parameter

    from .examples import Example
    from .model import LearnedFilter


@dataclass(frozen=True, kw_only=True)
class FilterTraining:
    """How a filter is learned.

    Attributes
    ----------
    steps : int
        Updates; one example each.
    learning_rate : float
        Of AdamW (equations 7 to 9), in the unit of the filter: the ramp ends at 0.5.
    falling_rate : bool
        Let the learning rate fall to 0 along half a cosine.
    even_steps : bool
        Steps as long at low frequencies as at high ones, as AdamW makes them. Otherwise they
        grow with the distance from the origin as the ramp does: what suits high frequencies
        is many times the ramp's value at low ones, and destroys these.
    weight_decay : float
        Of AdamW.
    rows : int or None
        Consecutive rows of y reconstructed in a step, drawn at random; all by default.
    loss : LossSettings
        Fidelity and regularization.
    seed : int
        Of the order of examples and rows.
    device : str
        Torch device.
    """

    steps: int = 200
    learning_rate: float = 2e-2
    falling_rate: bool = True
    even_steps: bool = False
    weight_decay: float = 0.0
    rows: int | None = 16
    loss: LossSettings = field(default_factory=LossSettings)
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.learning_rate < inf or not 0 <= self.weight_decay < inf:
            raise InputError("Steps and learning rate must be above 0, weight decay not below.")
        if self.rows is not None and self.rows < 1:
            raise InputError("At least one row of y is needed in a step.")


class Learner:
    """Updates a filter in place.

    Parameters
    ----------
    model : LearnedFilter
        On the device of the settings.
    examples : sequence of Example
        At the filter's angles; they come one after the other in a random order.
    settings : FilterTraining
        Rates, rows, loss, seed.
    """

    def __init__(
        self, model: LearnedFilter, examples: Sequence[Example], settings: FilterTraining
    ) -> None:
        self._model = model
        self._settings = settings
        self._examples = [_Prepared(example, settings.device) for example in examples]
        self._rng = np.random.default_rng(settings.seed)
        self._order: list[int] = []
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._shares = {} if settings.even_steps else step_shares(model)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, settings.steps)

    def update(self, step: int) -> tuple[float, float]:
        """One step of AdamW, counted from 1; the fidelity, and all terms together."""
        self._order = self._order or self._rng.permutation(len(self._examples)).tolist()
        chosen = self._examples[self._order.pop()]
        rows = chosen.draw_rows(self._settings.rows, self._rng)
        self._optimizer.zero_grad(set_to_none=True)
        first, loss = _losses(self._model, chosen, rows, self._settings, step)
        loss.backward()
        self._step()
        if self._settings.falling_rate:
            self._schedule.step()
        return float(first.detach()), float(loss.detach())

    def _step(self) -> None:
        """AdamW, each value's step shortened by its share."""
        before = [parameter.detach().clone() for parameter in self._shares]
        self._optimizer.step()
        with torch.no_grad():
            for (parameter, share), old in zip(self._shares.items(), before, strict=True):
                parameter.copy_(torch.lerp(old, parameter, share))


def step_shares(model: LearnedFilter) -> dict[Parameter, Tensor]:
    """How long the steps of each value are, 1 at the Nyquist frequency: as the ramp grows."""
    lowest = 2 / model.grid[1]
    shares: dict[Parameter, Tensor] = {}
    if model.plane is not None:
        if model.config.variant == "radial":
            radius = torch.arange(len(model.plane)) / model.grid[1]
        else:
            radius = radius_grid(model.grid)
        shares[model.plane] = (2 * radius).clamp(lowest, 1).to(model.plane)
    if model.along is not None:
        # Alone it is the whole filter, of the lowest frequency's size.
        size = 1.0 if model.plane is not None else lowest
        shares[model.along] = torch.full_like(model.along.detach(), size)
    return shares


class _Prepared:
    """An example on the device, with the operators that it needs."""

    def __init__(self, example: Example, device: str) -> None:
        self.tilts = torch.from_numpy(example.tilts).to(device)
        self.truth = None if example.truth is None else torch.from_numpy(example.truth).to(device)
        self.scale = 1.0 if self.truth is None else max(float(self.truth.std()), 1e-12)
        if self.truth is None:
            self.folds = [HoldOut(example, fold, device) for fold in range(FOLDS)]
        else:
            self.back_project = RowBackProjector(
                example.angles, example.tilts.shape[2], example.thickness, device
            )

    def draw_rows(self, rows: int | None, rng: np.random.Generator) -> slice:
        height = self.tilts.shape[1]
        if rows is None or rows >= height:
            return slice(0, height)
        start = int(rng.integers(0, height - rows + 1))
        return slice(start, start + rows)


def _losses(
    model: LearnedFilter, example: _Prepared, rows: slice, settings: FilterTraining, step: int
) -> tuple[Tensor, Tensor]:
    """The fidelity, and all terms together (equations 12, 14 and 15)."""
    chosen = settings.loss
    if example.truth is None:
        fold = example.folds[step % FOLDS]
        filtered, volume = fold.predict(model, example.tilts, rows)
        first = fold.loss(volume, example.tilts, rows, chosen)
    else:
        filtered = model(example.tilts)
        volume = example.back_project(filtered[:, rows])
        first = fidelity(volume, example.truth[:, rows], chosen, example.scale)
    total = first
    if chosen.tv_filter:
        parts = [total_variation(p, chosen.form) for p in model.parameters()]
        total = total + chosen.tv_filter * torch.stack(parts).sum()
    if chosen.tv_volume:
        total = total + chosen.tv_volume * total_variation(volume, chosen.form)
    if chosen.tv_filtered:
        total = total + chosen.tv_filtered * total_variation(filtered, chosen.form)
    return first, total

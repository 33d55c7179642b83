"""One update of a learned filter: an example, some of its rows, the losses, AdamW."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import InputError
from .back_projection import RowBackProjector
from .losses import LossSettings, fidelity, total_variation
from .self_supervision import FOLDS, HoldOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

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
    learning_rate: float = 3e-3
    weight_decay: float = 0.0
    rows: int | None = 16
    loss: LossSettings = field(default_factory=LossSettings)
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.learning_rate <= 0 or self.weight_decay < 0:
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

    def update(self, step: int) -> tuple[float, float]:
        """One step of AdamW, counted from 1; the fidelity, and all terms together."""
        self._order = self._order or self._rng.permutation(len(self._examples)).tolist()
        chosen = self._examples[self._order.pop()]
        rows = chosen.draw_rows(self._settings.rows, self._rng)
        self._optimizer.zero_grad(set_to_none=True)
        first, loss = _losses(self._model, chosen, rows, self._settings, step)
        loss.backward()
        self._optimizer.step()
        return float(first.detach()), float(loss.detach())


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

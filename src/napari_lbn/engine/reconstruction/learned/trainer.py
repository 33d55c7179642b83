"""Learning the filter: AdamW on simulated volumes, or on the tilts of one real series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...events import Event, Progress, raise_if_cancelled
from .learner import Learner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...events import CancelToken, Job
    from .examples import Example
    from .learner import FilterTraining
    from .model import LearnedFilter


@dataclass(frozen=True, kw_only=True)
class FilterStep(Event):
    """One update of the filter.

    Attributes
    ----------
    step, total : int
        Updates so far and in all.
    loss : float
        All terms together.
    fidelity : float
        The first term: misfit relative to the variance of what is to be met.
    """

    step: int
    total: int
    loss: float
    fidelity: float


def train_filter(
    model: LearnedFilter,
    examples: Sequence[Example],
    settings: FilterTraining,
    *,
    cancel: CancelToken | None = None,
) -> Job[list[float]]:
    """Learn the filter in place.

    Parameters
    ----------
    model : LearnedFilter
        Changed, also where the job is cancelled: what is learned so far stays.
    examples : sequence of Example
        At the filter's angles. Where one has no truth, held-out tilts take its place.
    settings : FilterTraining
        Steps, rates, loss.
    cancel : CancelToken, optional
        Looked at before every step.

    Yields
    ------
    FilterStep, Progress

    Returns
    -------
    list of float
        Fidelity of every step.

    Raises
    ------
    InputError
        No examples, or one at other angles.
    Cancelled
    """
    _require_same_angles(model, examples)
    model.to(settings.device)
    learner = Learner(model, examples, settings)
    history: list[float] = []
    for step in range(1, settings.steps + 1):
        raise_if_cancelled(cancel)
        first, loss = learner.update(step)
        history.append(first)
        yield FilterStep(step=step, total=settings.steps, loss=loss, fidelity=first)
        yield Progress(
            stage="Learning the filter",
            done=step,
            total=settings.steps,
            fraction=step / settings.steps,
        )
    return history


def _require_same_angles(model: LearnedFilter, examples: Sequence[Example]) -> None:
    if not examples:
        raise InputError("There is nothing to learn from.", "Give at least one example.")
    wanted = np.asarray(model.config.angles)
    for example in examples:
        if example.angles.shape != wanted.shape or not np.allclose(example.angles, wanted):
            raise InputError(
                "An example's tilt angles are not those of the filter.",
                "Transfer the filter first.",
            )

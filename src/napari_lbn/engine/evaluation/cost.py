"""What an evaluation costs, in syntheses and in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..load import likely_range

if TYPE_CHECKING:
    from ..correct import CorrectionPlan
    from .settings import EvaluationSettings

SYNTHESIS = 0.33
"""Of the time of a correction: what one synthesis takes here, where tilts are encoded only once
and folds run side by side. Measured on a series of 41 tilts at 10 and at 20 Å."""


def stage_costs(settings: EvaluationSettings, chosen: CorrectionPlan) -> dict[str, float]:
    """Rough cost of each stage in syntheses, in the order in which they run.

    Parameters
    ----------
    settings : EvaluationSettings
        What is asked for.
    chosen : CorrectionPlan
        Of the correction that is judged.
    """
    folds = chosen.measured_angles.size if settings.folds == 0 else max(settings.folds, 0)
    edges = len(settings.edges)
    fold = 1.5 * (3 if settings.sirt else 1)
    synthesis = SYNTHESIS * _plain_seconds(settings, chosen)
    # whoever adapts is given that time in each fold
    adapting = 60 * settings.correction.adapt_minutes / synthesis
    correcting = 1 / SYNTHESIS + chosen.denoised_seconds / synthesis
    return {
        "geometry": 1.0 * settings.geometry,
        "hold-outs": (folds + edges) * (fold + adapting),
        "disagreement": 1.5 * settings.subsets,
        "nulls": 3.0 * settings.nulls,
        "alteration": (correcting + adapting) * settings.alteration,
    }


def stage_shares(
    settings: EvaluationSettings, chosen: CorrectionPlan
) -> dict[str, tuple[float, float]]:
    """Where each stage begins and ends, as fractions of the whole."""
    costs = stage_costs(settings, chosen)
    total = sum(costs.values()) or 1.0
    ends = np.cumsum(list(costs.values())) / total
    starts = [0.0, *ends[:-1]]
    return {name: (float(a), float(b)) for name, a, b in zip(costs, starts, ends, strict=True)}


def evaluation_range(settings: EvaluationSettings, chosen: CorrectionPlan) -> tuple[float, float]:
    """The least and the most seconds that a whole evaluation is likely to take here."""
    syntheses = SYNTHESIS * sum(stage_costs(settings, chosen).values())
    return likely_range(
        syntheses * _plain_seconds(settings, chosen), syntheses * chosen.noisy_seconds
    )


def _plain_seconds(settings: EvaluationSettings, chosen: CorrectionPlan) -> float:
    """Of the correction without an adaptation and without a denoised tomogram, as in a fold."""
    adapting = 60 * settings.correction.adapt_minutes
    return max(chosen.seconds - adapting - chosen.denoised_seconds, 1.0)

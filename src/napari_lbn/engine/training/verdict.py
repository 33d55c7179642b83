"""Whether a training has helped, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .folder.events import AS_STARTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .curves.read import Curves
    from .folder.summary import KeptWeights

COLUMN = "validation_mse"
WORTH_IT = 0.002
"""Share of the error below which a difference is no improvement."""


def judge(weights: Sequence[KeptWeights], curves: Curves | None) -> str:
    """What the held-out tilts say about the best weights; empty where they say nothing.

    Parameters
    ----------
    weights : sequence of KeptWeights
        Of the training.
    curves : Curves or None
        With the baselines.
    """
    best = next((kept for kept in weights if kept.best), None)
    if best is None or curves is None or AS_STARTED not in curves.baselines:
        return ""
    start = curves.baselines[AS_STARTED][COLUMN]
    gain = 1 - best.mse / start
    if gain < WORTH_IT:
        return (
            "No epoch predicts the held-out tilts clearly better than the weights at the start "
            f"(error {best.mse:.4f} against {start:.4f}): keep those, or train longer."
        )
    text = f"Epoch {best.epoch} predicts the held-out tilts best: error {best.mse:.4f}, "
    text += f"{100 * gain:.1f} % less than before training."
    rivals = {
        name: values[COLUMN]
        for name, values in curves.baselines.items()
        if name != AS_STARTED and values.get(COLUMN, best.mse) < best.mse
    }
    if rivals:
        text += f" Still better: {min(rivals, key=rivals.__getitem__)}."
    return text

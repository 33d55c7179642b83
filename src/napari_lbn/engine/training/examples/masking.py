"""Which tilts are hidden in one training step (paper, sections 3.1 and 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_VISIBLE = 2
"""Back-projection needs at least two tilts."""


def uniform_mask(
    n_tilts: int, rng: np.random.Generator, threshold: float = 0.8
) -> NDArray[np.bool_]:
    """Hide a proportion drawn uniformly from 0 to `threshold`, at random tilts.

    The paper's first scheme ("up to 80 %").
    """
    count = min(round(rng.uniform(0, threshold) * n_tilts), n_tilts - MIN_VISIBLE)
    hidden = np.zeros(n_tilts, dtype=bool)
    hidden[rng.permutation(n_tilts)[: max(count, 0)]] = True
    return hidden


def independent_mask(
    n_tilts: int, rng: np.random.Generator, probability: float = 0.4
) -> NDArray[np.bool_]:
    """Hide each tilt on its own with `probability`; drawn again where too few remain.

    The paper's second scheme.
    """
    while True:
        hidden = rng.random(n_tilts) < probability
        if n_tilts - hidden.sum() >= min(MIN_VISIBLE, n_tilts):
            return hidden


def edge_mask(n_tilts: int, rng: np.random.Generator, threshold: float = 0.4) -> NDArray[np.bool_]:
    """Hide a block of the outermost tilts on one side or on both.

    Not in the paper: it trains the extrapolation that the missing wedge asks for, on tilts
    that were measured.
    """
    count = min(round(rng.uniform(0, threshold) * n_tilts), n_tilts - MIN_VISIBLE)
    low = int(rng.integers(0, max(count, 0) + 1)) if rng.random() < 0.5 else 0
    hidden = np.zeros(n_tilts, dtype=bool)
    hidden[:low] = True
    hidden[n_tilts - (count - low) :] = count - low > 0
    return hidden if rng.random() < 0.5 else hidden[::-1].copy()

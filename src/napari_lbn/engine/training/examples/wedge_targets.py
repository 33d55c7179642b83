"""Targets in the missing wedge, where a simulation knows the truth. Not in the paper.

Off by default: trained so on simple specimens, the network gained in the wedge of simulated
series and fell below WBP on a real cell. Whether richer specimens change that is for the
figures to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .crops import read_crop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...intensity import IntensityStats
    from .crops import Crop
    from .settings import ExampleSettings, TrainingSeries

Truth = tuple["NDArray[np.float32]", "NDArray[np.float64]"]
"""Noise-free tilts ``(m, y, x)``, and their angles ``(m,)`` in degrees."""


def known_angles(series: TrainingSeries) -> NDArray[np.float64]:
    """Every angle at which something is known of a series: crops have to stay inside there."""
    if series.truth_angles is None:
        return series.angles
    return np.concatenate([series.angles, series.truth_angles])


def draw_truth(
    series: TrainingSeries,
    crop: Crop,
    measured: NDArray[np.float64],
    settings: ExampleSettings,
    rng: np.random.Generator,
) -> Truth:
    """Noise-free tilts beyond the measured range; none unless the settings ask for them.

    They come from the truth of the series if it has one, else from those of its own tilts
    that the drawn range leaves out.

    Parameters
    ----------
    series : TrainingSeries
        Simulated.
    crop : Crop
        The example's.
    measured : ndarray
        ``(n,)`` degrees, ascending: what counts as measured in this example.
    settings : ExampleSettings
        Its `wedge_targets` is the share of the targets.
    rng : Generator
        Untouched where none are drawn.
    """
    tilts, angles = series.tilts, series.angles
    if series.truth is not None and series.truth_angles is not None:
        tilts, angles = series.truth, series.truth_angles
    beyond = np.flatnonzero((angles < measured[0]) | (angles > measured[-1]))
    count = min(wedge_count(settings, measured.size), beyond.size)
    if count == 0:
        return np.empty((0, crop.rows, crop.columns), np.float32), np.empty(0)
    chosen = rng.choice(beyond, count, replace=False)
    return read_crop(tilts, angles, crop, chosen), angles[chosen]


def wedge_count(settings: ExampleSettings, n_tilts: int) -> int:
    """How many targets lie in the wedge; at least one does not."""
    total = settings.n_targets or n_tilts
    return min(round(settings.wedge_targets * total), total - 1)


def normalised_truth(truth: Truth, stats: IntensityStats, sign: np.float32) -> NDArray[np.float32]:
    """Truth on the scale of the visible tilts: mean 0, and their smooth fit of the deviation."""
    images, angles = truth
    if not len(images):
        return images
    centred = sign * (images - images.mean(axis=(1, 2), keepdims=True))
    return centred / stats.at(angles)[1].astype(np.float32)[:, None, None]

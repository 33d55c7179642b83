"""Mean and spread over syntheses from subsets, of tilts and of the tomogram."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...angular_weights import synthesized_weights
from ...correct.alteration import percent
from ...correct.rows import synthesized_rows
from ...events import Progress, SlabReady, raise_if_cancelled
from ...io import check_free_space
from ...reconstruction.wbp import back_project_slab
from ..sharing import part
from .relative import REGION, relative_spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ...events import CancelToken, Job
    from ...intensity import IntensityStats
    from ...reconstruction.wbp import WBPSettings

LABEL = "spread of the model, not proof"
SLAB_ROWS = 2 * REGION
"""Whole regions, or they would be cut."""
MEAN_PART, SPREAD_PART, RELATIVE_PART = "mean", "spread", "relative spread"


@dataclass(frozen=True, kw_only=True, eq=False)
class Disagreement:
    """Mean and spread over subsets.

    Attributes
    ----------
    angles : ndarray
        ``(m,)`` degrees.
    mean, spread : ndarray
        ``(m, y, x)`` float32 in the input's units; the spread is a standard deviation.
    relative : float
        Root mean square of the spread over that of the mean's structure.
    structure : float or None
        Standard deviation of what the mean adds to the tomogram, the unit for its spread.
    label : str
        What it is and is not.
    provenance : dict
    """

    angles: NDArray[np.float64]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    relative: float
    structure: float | None = None
    label: str = LABEL
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """In plain words."""
        return (
            f"Syntheses from subsets of the tilts differ by {percent(self.relative)} "
            f"of their structure ({self.label})."
        )


@contextmanager
def on_disk(shape: tuple[int, ...]) -> Iterator[NDArray[np.float32]]:
    """An array in a temporary file, which is gone after the block.

    Raises
    ------
    OutputError
        The folder for temporary files has too little room.
    """
    with tempfile.TemporaryDirectory(prefix="napari-lbn-") as folder:
        check_free_space(folder, 4 * int(np.prod(shape, dtype=np.int64)))
        array = np.memmap(Path(folder) / "samples", np.float32, "w+", shape=shape)
        try:
            yield array
        finally:
            del array


def on_common_scale(
    tilts: NDArray[np.float32],
    angles: NDArray[np.float64],
    subset: IntensityStats,
    whole: IntensityStats,
) -> NDArray[np.float32]:
    """Undo the subset's own guess of mean and scale, so that it does not count as spread."""
    (own_mean, own_std), (mean, std) = subset.at(angles), whole.at(angles)
    gain = (std / own_std).astype(np.float32)[:, None, None]
    shift = (mean - own_mean * std / own_std).astype(np.float32)[:, None, None]
    return tilts * gain + shift


def summary(samples: NDArray[np.float32], angles: NDArray[np.float64]) -> Disagreement:
    """Mean and spread of tilts ``(subset, m, y, x)``."""
    mean = np.empty(samples.shape[1:], np.float32)
    spread = np.empty_like(mean)
    for i in range(angles.size):
        values = np.asarray(samples[:, i])
        mean[i], spread[i] = values.mean(axis=0), values.std(axis=0, ddof=1)
    structure = float(np.sqrt(np.mean(mean.var(axis=(1, 2)))))
    spread_of_all = float(np.sqrt(np.mean(spread**2, dtype=np.float64)))
    relative = spread_of_all / structure if structure else 0.0
    return Disagreement(angles=angles, mean=mean, spread=spread, relative=relative)


def volumes(
    samples: NDArray[np.float32],
    angles: NDArray[np.float64],
    stats: IntensityStats,
    settings: WBPSettings,
    fractions: tuple[float, float],
    cancel: CancelToken | None,
) -> Job[float]:
    """Mean and spread of the synthesized part of the tomogram, slab after slab.

    Yields
    ------
    SlabReady, Progress
        Parts `MEAN_PART`, `SPREAD_PART` and `RELATIVE_PART`.

    Returns
    -------
    float
        Standard deviation of the mean over the tomogram.
    """
    weights = synthesized_weights(stats.angles, angles)
    height = samples.shape[2]
    total, squares, count = 0.0, 0.0, 0
    for start in range(0, height, SLAB_ROWS):
        rows = slice(start, min(start + SLAB_ROWS, height))
        slabs = (
            back_project_slab(
                synthesized_rows(sample, angles, stats)(rows), angles, weights, settings
            )
            for sample in samples
        )
        mean, spread = _mean_and_spread(slabs, cancel)
        total += float(mean.sum(dtype=np.float64))
        squares += float(np.sum(np.square(mean), dtype=np.float64))
        count += mean.size
        relative = relative_spread(mean, spread)
        parts = ((MEAN_PART, mean), (SPREAD_PART, spread), (RELATIVE_PART, relative))
        for name, found in parts:
            yield SlabReady(part=name, y_start=start, y_stop=rows.stop, slab=found)
        yield Progress(
            stage="Reconstructing the disagreement",
            done=rows.stop,
            total=height,
            fraction=part(fractions, rows.stop, height),
        )
    return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0)))


def _mean_and_spread(
    slabs: Iterator[NDArray[np.float32]], cancel: CancelToken | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of two or more arrays, with never all of them in memory (Welford)."""
    mean = next(slabs)
    squares = np.zeros_like(mean)
    count = 1
    for slab in slabs:
        raise_if_cancelled(cancel)
        count += 1
        step = slab - mean
        mean = mean + step / np.float32(count)
        squares += step * (slab - mean)
    return mean, np.sqrt(squares / np.float32(count - 1))

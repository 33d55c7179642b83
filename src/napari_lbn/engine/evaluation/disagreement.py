"""Disagreement: how far syntheses from random subsets of the measured tilts differ.

The network was trained on random subsets, so each subset gives a legitimate answer. The
spread of the answers is the spread of the model, not proof: all may err alike.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..correct.tomogram import measure_intensities, synthesized_rows
from ..errors import InputError
from ..events import Progress, SlabReady, TiltReady, raise_if_cancelled
from ..geometry import synthesized_weights
from ..reconstruction.wbp import back_project_slab
from ..synthesis import synthesize
from .predictors import take
from .sharing import part, shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job
    from ..intensity import IntensityStats
    from ..network import LBN
    from ..reconstruction.wbp import WBPSettings
    from ..synthesis import SynthesisSettings
    from ..tilt_series import TiltSeries

LABEL = "spread of the model, not proof"
SYNTHESIS_SHARE = 0.8
SLAB_ROWS = 16
MEAN_PART, SPREAD_PART = "mean", "spread"


@dataclass(frozen=True, kw_only=True)
class DisagreementSettings:
    """How the disagreement is measured.

    Attributes
    ----------
    wbp : WBPSettings
    synthesis : SynthesisSettings
    subsets : int
        Number of random subsets, at least 2.
    share : float
        Of the measured tilts in each.
    seed : int
        Of the random choice.
    volume : bool
        Also the spread of the synthesized part of the tomogram.
    """

    wbp: WBPSettings
    synthesis: SynthesisSettings
    subsets: int = 8
    share: float = 0.7
    seed: int = 0
    volume: bool = True

    def __post_init__(self) -> None:
        if self.subsets < 2 or not 0 < self.share < 1:
            raise InputError("Disagreement needs at least 2 subsets, each a part of the tilts.")


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
    label : str
        What it is and is not.
    """

    angles: NDArray[np.float64]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    relative: float
    label: str = field(default=LABEL)


def random_subsets(series: TiltSeries, settings: DisagreementSettings) -> list[NDArray[np.intp]]:
    """Positions among the tilts in use, ascending, one array a subset."""
    rng = np.random.default_rng(settings.seed)
    n = series.included.size
    size = max(round(settings.share * n), 2)
    if size >= n:
        raise InputError(f"{series.name}: {n} tilts are too few for subsets.")
    return [np.sort(rng.choice(n, size, replace=False)) for _ in range(settings.subsets)]


def disagreement(
    series: TiltSeries,
    network: LBN,
    angles: NDArray[np.float64],
    settings: DisagreementSettings,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[Disagreement]:
    """Synthesize from random subsets of the measured tilts; mean and spread of each pixel.

    Parameters
    ----------
    series : TiltSeries
        At a pixel size that the weights know.
    network : LBN
        In evaluation mode.
    angles : ndarray
        ``(m,)`` degrees to synthesize, usually the missing wedge.
    settings : DisagreementSettings
        Number and size of the subsets.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next piece.

    Yields
    ------
    Progress, TiltReady, SlabReady
        The spread at each angle; then slabs of parts "mean" and "spread" of the
        synthesized part of the tomogram.
    """
    stats = measure_intensities(series)
    subsets = random_subsets(series, settings)
    synthesis_share = SYNTHESIS_SHARE if settings.volume else 1.0
    middle = part(fractions, synthesis_share, 1)
    with tempfile.TemporaryDirectory(prefix="napari-lbn-") as folder:
        shape = (len(subsets), angles.size, *series.image_shape)
        samples = np.memmap(Path(folder) / "samples", np.float32, "w+", shape=shape)
        try:
            latents: dict[int, Any] = {}
            for i, subset in enumerate(subsets):
                raise_if_cancelled(cancel)
                bounds = (fractions[0], middle)
                share = part(bounds, i, len(subsets)), part(bounds, i + 1, len(subsets))
                hidden = np.setdiff1d(np.arange(stats.angles.size), subset)
                visible = series.with_excluded(
                    series.excluded | {int(series.included[h]) for h in hidden}
                )
                job = synthesize(
                    visible,
                    network,
                    angles,
                    settings.synthesis,
                    stats=take(stats, subset),
                    latents=latents,
                    cancel=cancel,
                )
                stage = f"Synthesizing from subset {i + 1} of {len(subsets)}"
                result = yield from shared(job, share, stage)
                samples[i] = _common_scale(result.tilts, angles, take(stats, subset), stats)
            found = _summary(samples, angles)
            for i, image in enumerate(found.spread):
                yield TiltReady(index=i, angle=float(angles[i]), image=image, synthesized=True)
            if settings.volume:
                yield from _volumes(
                    samples, angles, stats, settings, (middle, fractions[1]), cancel
                )
            return found
        finally:
            del samples


def _common_scale(
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


def _summary(samples: NDArray[np.float32], angles: NDArray[np.float64]) -> Disagreement:
    mean = np.empty(samples.shape[1:], np.float32)
    spread = np.empty_like(mean)
    for i in range(angles.size):
        values = np.asarray(samples[:, i])
        mean[i], spread[i] = values.mean(axis=0), values.std(axis=0, ddof=1)
    structure = float(np.sqrt(np.mean(mean.var(axis=(1, 2)))))
    relative = (
        float(np.sqrt(np.mean(spread**2, dtype=np.float64))) / structure if structure else 0.0
    )
    return Disagreement(angles=angles, mean=mean, spread=spread, relative=relative)


def _volumes(
    samples: NDArray[np.float32],
    angles: NDArray[np.float64],
    stats: IntensityStats,
    settings: DisagreementSettings,
    fractions: tuple[float, float],
    cancel: CancelToken | None,
) -> Job[None]:
    """Mean and spread of the synthesized part of the tomogram, slab after slab."""
    weights = synthesized_weights(stats.angles, angles)
    height = samples.shape[2]
    for start in range(0, height, SLAB_ROWS):
        rows = slice(start, min(start + SLAB_ROWS, height))
        slabs = []
        for sample in samples:
            raise_if_cancelled(cancel)
            tilts = synthesized_rows(sample, angles, stats)(rows)
            slabs.append(back_project_slab(tilts, angles, weights, settings.wbp))
        parts = {MEAN_PART: np.mean(slabs, axis=0), SPREAD_PART: np.std(slabs, axis=0, ddof=1)}
        for name, slab in parts.items():
            yield SlabReady(part=name, y_start=start, y_stop=rows.stop, slab=slab)
        yield Progress(
            stage="Reconstructing the disagreement",
            done=rows.stop,
            total=height,
            fraction=part(fractions, rows.stop, height),
        )

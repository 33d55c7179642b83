"""Disagreement: how far syntheses from random subsets of the measured tilts differ.

The network was trained on random subsets, so each subset gives a legitimate answer. The
spread of the answers is the spread of the model, not proof: all may err alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...binning import bin_series
from ...correct import plan
from ...correct.rows import measure_intensities
from ...errors import InputError
from ...events import Progress, TiltReady, raise_if_cancelled
from ...io.weights.file import load_network
from ...synthesis import on_device, synthesize
from ..prediction.predictors import take
from ..sharing import part, shared
from .subsets import Disagreement, on_common_scale, on_disk, summary, volumes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...correct import CorrectionSettings
    from ...events import CancelToken, Job
    from ...network import LBN
    from ...reconstruction.wbp import WBPSettings
    from ...synthesis import Latents, SynthesisSettings
    from ...tilt_series import TiltSeries

SYNTHESIS_SHARE = 0.8


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
        The spread at each angle; then slabs of parts "mean", "spread" and "relative
        spread" of the
        synthesized part of the tomogram.
    """
    stats = measure_intensities(series, cancel)
    subsets = random_subsets(series, settings)
    shape = (len(subsets), angles.size, *series.image_shape)
    middle = part(fractions, SYNTHESIS_SHARE if settings.volume else 1.0, 1)
    with on_disk(shape) as samples:
        yield from _synthesize_all(
            samples, (series, network, angles), subsets, settings, (fractions[0], middle), cancel
        )
        found = summary(samples, angles)
        for i, image in enumerate(found.spread):
            yield TiltReady(index=i, angle=float(angles[i]), image=image, synthesized=True)
        if not settings.volume:
            return found
        job = volumes(samples, angles, stats, settings.wbp, (middle, fractions[1]), cancel)
        structure = yield from job
        return replace(found, structure=structure)


def measure_disagreement(
    series: TiltSeries,
    settings: CorrectionSettings,
    *,
    subsets: int = 8,
    cancel: CancelToken | None = None,
) -> Job[Disagreement]:
    """The disagreement of what a correction with these settings would synthesize.

    Parameters
    ----------
    series : TiltSeries
        As given; binned to what the weights know, as for the correction.
    settings : CorrectionSettings
        Of the correction.
    subsets : int
        Number of random subsets.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next piece.

    Yields
    ------
    Progress, TiltReady, SlabReady
        As `disagreement`.

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, OutputError, Cancelled
    """
    chosen = plan(series, settings)
    if chosen.new_angles.size == 0:
        raise InputError(f"{series.name}: these tilts leave no missing wedge to synthesize.")
    yield Progress(stage="Reading the tilt series", done=0, total=1, fraction=0.0)
    working = bin_series(series, chosen.binning, cancel=cancel)
    how = DisagreementSettings(
        wbp=settings.for_wbp(), synthesis=settings.for_wedge(), subsets=subsets
    )
    with on_device(load_network(chosen.weights), settings.device) as network:
        return (yield from disagreement(working, network, chosen.new_angles, how, cancel=cancel))


def _synthesize_all(
    samples: NDArray[np.float32],
    given: tuple[TiltSeries, LBN, NDArray[np.float64]],
    subsets: list[NDArray[np.intp]],
    settings: DisagreementSettings,
    fractions: tuple[float, float],
    cancel: CancelToken | None,
) -> Job[None]:
    """Fill the samples ``(subset, m, y, x)``, one subset after the other."""
    series, network, angles = given
    stats = measure_intensities(series, cancel)
    latents: Latents = {}
    for i, subset in enumerate(subsets):
        raise_if_cancelled(cancel)
        hidden = np.setdiff1d(np.arange(stats.angles.size), subset)
        out = series.excluded | {int(series.included[h]) for h in hidden}
        own = take(stats, subset)
        job = synthesize(
            series.with_excluded(out),
            network,
            angles,
            settings.synthesis,
            stats=own,
            latents=latents,
            cancel=cancel,
        )
        share = part(fractions, i, len(subsets)), part(fractions, i + 1, len(subsets))
        result = yield from shared(
            job, share, f"Synthesizing from subset {i + 1} of {len(subsets)}"
        )
        samples[i] = on_common_scale(result.tilts, angles, own, stats)

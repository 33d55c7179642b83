"""Hold-outs: hide measured tilts, predict them by every method, compare (paper, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ...correct.rows import measure_intensities
from ...events import Event, Progress, raise_if_cancelled
from ..prediction.baselines import low_passed
from ..prediction.low_pass_choice import choose_sigma
from ..prediction.predictors import BASELINES, LOW_PASSED, SIRT_NAME, Visible, take
from ..side_by_side import side_by_side
from .ceiling import ceiling_from_halves, estimated_ceiling
from .scores import FACTORS, HoldOutResult, Score, TiltScored, tilt_scores

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from ...events import CancelToken, Job
    from ...intensity import IntensityStats
    from ...reconstruction.wbp import WBPSettings
    from ...synthesis import SynthesisSettings
    from ...tilt_series import TiltSeries
    from ..prediction.predictors import Predictor
    from .ceiling import Ceiling
    from .folds import Fold
    from .frame_halves import Halves


@dataclass(frozen=True, kw_only=True)
class HoldOutSettings:
    """How hold-outs are done.

    Attributes
    ----------
    wbp : WBPSettings
        Of the tomograms that are re-projected.
    synthesis : SynthesisSettings
    with_sirt : bool
        SIRT too; it takes many times longer than WBP.
    with_low_pass : bool
        Each baseline also low-passed, with the width that predicts visible tilts best.
    workers : int
        Folds at a time, each on its share of the processor's threads and within the memory
        bounds of `wbp` and `synthesis`. It changes nothing but the time.
    """

    wbp: WBPSettings
    synthesis: SynthesisSettings
    with_sirt: bool = False
    with_low_pass: bool = True
    workers: int = 1


def hold_out(
    series: TiltSeries,
    folds: Sequence[Fold],
    predictors: Mapping[str, Predictor],
    settings: HoldOutSettings,
    *,
    halves: Halves | None = None,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[HoldOutResult]:
    """Predict the hidden tilts of each fold and compare.

    Parameters
    ----------
    series : TiltSeries
        At the working pixel size.
    folds : sequence of Fold
        Which tilts are hidden together.
    predictors : mapping
        Methods by name beside the baselines, usually ``{"LBN": lbn(network)}``.
    settings : HoldOutSettings
        Thickness, devices, which baselines.
    halves : pair of TiltSeries, optional
        Stacks of odd and even frames with the same tilts, for the noise ceiling.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next piece.

    Yields
    ------
    Progress, TiltScored
    """
    stats = measure_intensities(series)
    methods = {**predictors, **_baselines(settings)}

    def start(fold: Fold, token: CancelToken) -> Job[_Comparison]:
        comparison = _Comparison(series, stats, fold, settings, token)
        return comparison.with_each(methods, plain=set(predictors))

    compared = yield from side_by_side(
        [partial(start, fold) for fold in folds],
        settings.workers,
        stage="Predicting hidden tilts",
        fractions=fractions,
        cancel=cancel,
    )
    sigmas = {k: v for comparison in compared for k, v in comparison.sigmas.items()}
    return HoldOutResult(
        scores=tuple(score for comparison in compared for score in comparison.scores),
        ceilings=tuple(noise_ceilings(series, stats, folds, halves)),
        sigmas=sigmas,
    )


class _Comparison:
    """One fold: what is visible, what is true, and each method between them."""

    def __init__(
        self,
        series: TiltSeries,
        stats: IntensityStats,
        fold: Fold,
        settings: HoldOutSettings,
        cancel: CancelToken | None,
    ) -> None:
        self.fold, self.settings, self.cancel = fold, settings, cancel
        self.series, self.stats = series, stats
        self.visible = hide(series, stats, fold, settings)
        self.targets = series.angles[list(fold.hidden)]
        self.scores: list[Score] = []
        self.sigmas: dict[tuple[str, str], float] = {}

    def with_each(self, methods: Mapping[str, Predictor], plain: Collection[str]) -> Job[Self]:
        """Every method's predictions compared; those in `plain` are not low-passed as well."""
        for number, (name, predict) in enumerate(methods.items()):
            raise_if_cancelled(self.cancel)
            share = number / len(methods), (number + 1) / len(methods)
            for event in _passing_on(self.events(name, predict, low_pass=name not in plain), share):
                if isinstance(event, TiltScored):
                    self.scores.extend(event.scores)
                yield event
        return self

    def events(self, name: str, predict: Predictor, *, low_pass: bool) -> Iterator[Event]:
        """Predict by one method, then compare; the same low-passed where asked for."""
        predicted = yield from predict(self.visible, self.targets, slice(None), self.cancel)
        yield from self.compare(name, predicted)
        if not (low_pass and self.settings.with_low_pass):
            return
        sigma = yield from choose_sigma(predict, self.visible, self.fold.kind, self.cancel)
        self.sigmas[self.fold.name, name] = sigma
        yield from self.compare(name + LOW_PASSED, low_passed(predicted, sigma))

    def compare(self, name: str, predicted: NDArray[np.float32]) -> Iterator[TiltScored]:
        """Scores of predictions ``(m, y, x)`` of the hidden tilts."""
        for image, index in zip(predicted, self.fold.hidden, strict=True):
            truth = true_tilt(self.series, self.stats, index)
            yield TiltScored(
                scores=tuple(tilt_scores(self.fold, name, self.series.angles[index], image, truth)),
                predicted=image,
                truth=truth,
            )


def hide(
    series: TiltSeries, stats: IntensityStats, fold: Fold, settings: HoldOutSettings
) -> Visible:
    """What a prediction of this fold's hidden tilts may see."""
    keep = ~np.isin(series.included, fold.hidden)
    return Visible(
        series=fold.visible(series),
        stats=take(stats, keep),
        wbp=settings.wbp,
        synthesis=settings.synthesis,
    )


def true_tilt(series: TiltSeries, stats: IntensityStats, index: int) -> NDArray[np.float32]:
    """A measured tilt (index into the angles), clipped, mean 0 and standard deviation 1."""
    position = int(np.flatnonzero(series.included == index)[0])
    return stats.normalised(series.read([index])[0], position)


def noise_ceilings(
    series: TiltSeries,
    stats: IntensityStats,
    folds: Sequence[Fold],
    halves: Halves | None = None,
) -> Iterator[Ceiling]:
    """The ceiling of each tilt that is ever hidden, at every scale."""
    for index in sorted({i for fold in folds for i in fold.hidden}):
        angle = float(series.angles[index])
        if halves is None:
            yield from estimated_ceiling(true_tilt(series, stats, index), angle, FACTORS)
        else:
            odd, even = (half.read([index])[0] for half in halves)
            yield from ceiling_from_halves(odd, even, angle, FACTORS)


def _baselines(settings: HoldOutSettings) -> dict[str, Predictor]:
    return {k: v for k, v in BASELINES.items() if settings.with_sirt or k != SIRT_NAME}


def _passing_on(job: Iterator[Event], share: tuple[float, float]) -> Iterator[Event]:
    """Progress as a share of the whole, scores as they are, and nothing else."""
    reached, stop = share
    start = reached
    for event in job:
        if isinstance(event, Progress):
            # predicting and choosing a low-pass each count from 0 to 1
            reached = max(reached, start + (stop - start) * min(event.fraction, 1.0))
            yield replace(event, fraction=reached)
        elif isinstance(event, TiltScored):
            yield event
    yield Progress(stage="", done=1, total=1, fraction=stop)

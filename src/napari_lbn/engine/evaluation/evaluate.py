"""The whole evaluation of one series with one set of weights, as one job."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..binning import bin_series
from ..correct import CorrectionSettings, correct, plan
from ..errors import InputError
from ..events import Notice, Progress, SlabReady
from ..io.weights import load_network
from ..provenance import describe_run
from ..synthesis import on_device
from .disagreement import Disagreement, DisagreementSettings, disagreement
from .folds import Fold, edge_fold, k_fold, leave_one_out
from .fsc import Alteration, AlterationMeter
from .geometry_check import GeometryCheck, check_geometry
from .holdout import HoldOutResult, HoldOutSettings, hold_out
from .null_tests import NullTest, null_tests
from .predictors import LBN_NAME, lbn
from .sharing import shared
from .summary import SIGNS_UNSEEN, Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..correct import CorrectionPlan
    from ..events import CancelToken, Job
    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .holdout import Halves

CHECK_FOLDS = 5
CHECK_EDGES = (6.0, 12.0, 18.0)
ALTERATION_ROWS = 64
"""Rows of y on which the alteration outside the wedge is measured."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """What is evaluated.

    Attributes
    ----------
    correction : CorrectionSettings
        As for the correction that is being judged.
    folds : int
        Of the k-fold hold-out; 0 for the exact leave-one-out, -1 for none.
    edges : tuple of float
        Degrees of the edge hold-outs; those too wide for the series are left out.
    sirt : bool
        SIRT as a further baseline.
    geometry : bool
        Try other geometries, to catch a wrong axis, order or increment.
    alteration : bool
        Run the correction itself and measure what it changed outside the wedge.
    nulls : bool
        Null tests.
    subsets : int
        Of the disagreement; 0 leaves it out.
    """

    correction: CorrectionSettings
    folds: int = CHECK_FOLDS
    edges: tuple[float, ...] = CHECK_EDGES
    sirt: bool = False
    geometry: bool = True
    alteration: bool = False
    nulls: bool = False
    subsets: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What was found.

    Attributes
    ----------
    series : TiltSeries
        Working series, binned where that was needed.
    hold_outs : HoldOutResult
    verdicts : dict
        `Verdict` by kind of hold-out: "k-fold" or "leave-one-out", and "edge 6" and so on.
    geometry, alteration, disagreement : or None
        Where they were asked for.
    nulls : tuple of NullTest
    provenance : dict
    """

    series: TiltSeries
    hold_outs: HoldOutResult
    verdicts: dict[str, Verdict]
    geometry: GeometryCheck | None = None
    alteration: Alteration | None = None
    nulls: tuple[NullTest, ...] = ()
    disagreement: Disagreement | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """The findings in plain words, the most important first."""
        lines = [f"{hold_out_title(kind)}: {v.sentence}" for kind, v in self.verdicts.items()]
        if self.geometry is not None:
            lines += [f"{f.message} {f.remedy}" for f in self.geometry.findings]
        if self.alteration is not None:
            lines.append(self.alteration.sentence)
        lines += [test.sentence for test in self.nulls]
        if self.disagreement is not None:
            lines.append(
                f"Syntheses from subsets of the tilts differ by {self.disagreement.relative:.2f} "
                f"of the structure ({self.disagreement.label})."
            )
        return [*lines, SIGNS_UNSEEN]


def hold_out_title(kind: str) -> str:
    """What a kind of hold-out is called in front of users."""
    if kind.startswith("edge"):
        return f"Outermost {kind.removeprefix('edge ')}° hidden, next to the wedge"
    return "Between visible tilts" if kind == "k-fold" else "One tilt hidden at a time"


def make_folds(series: TiltSeries, settings: EvaluationSettings) -> Iterator[Fold]:
    """The folds that the settings ask for, edges too wide for the series left out.

    Raises
    ------
    InputError
        Nothing is left to do.
    """
    count = 0
    chosen: list[Fold] = []
    if settings.folds > 0:
        chosen = k_fold(series, settings.folds)
    elif settings.folds == 0:
        chosen = leave_one_out(series)
    for fold in chosen:
        count += 1
        yield fold
    angles = series.included_angles
    for degrees in settings.edges:
        if 2 * degrees < 0.7 * (angles[-1] - angles[0]):
            count += 1
            yield edge_fold(series, degrees)
    if count == 0:
        raise InputError(f"{series.name}: no hold-out is left to do.")


def evaluate(
    series: TiltSeries,
    settings: EvaluationSettings,
    *,
    halves: Halves | None = None,
    folds: Sequence[Fold] | None = None,
    cancel: CancelToken | None = None,
) -> Job[Evaluation]:
    """Hide measured tilts, predict them, and whatever else the settings ask for.

    Parameters
    ----------
    series : TiltSeries
        As given; binned to what the weights know, as for a correction.
    settings : EvaluationSettings
        What is evaluated.
    halves : pair of TiltSeries, optional
        Odd and even frame stacks of the same tilts, for the noise ceiling.
    folds : sequence of Fold, optional
        Instead of those of the settings: the ones that were exported.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next piece.

    Yields
    ------
    Notice, Progress, TiltScored
        And, with a disagreement, its `TiltReady` and `SlabReady`.

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, Cancelled
    """
    chosen = plan(series, settings.correction)
    for notice in chosen.notices:
        yield Notice(message=notice)
    yield Progress(stage="Reading the tilt series", done=0, total=1, fraction=0.0)
    working = bin_series(series, chosen.binning, cancel=cancel)
    binned = None
    if halves is not None:
        odd, even = (bin_series(half, chosen.binning, cancel=cancel) for half in halves)
        binned = odd, even
    with on_device(load_network(chosen.weights), settings.correction.device) as network:
        run = _Evaluation(working, network, settings, chosen, cancel)
        found = yield from run.events(binned, folds)
    alteration = None
    if settings.alteration:
        job = measure_alteration(series, settings.correction, cancel)
        alteration = yield from shared(job, (run.shares["nulls"][1], 1.0))
    options = {k: v for k, v in asdict(settings).items() if k != "correction"}
    record = describe_run(series, working, chosen, settings.correction)
    return Evaluation(
        series=working,
        alteration=alteration,
        provenance={**record, "evaluation": options},
        **found,
    )


def measure_alteration(
    series: TiltSeries, settings: CorrectionSettings, cancel: CancelToken | None = None
) -> Job[Alteration]:
    """Run a correction and measure what it changed outside the wedge, slab by slab."""
    meter = AlterationMeter(series.included_angles)
    slabs: dict[int, Any] = {}
    job = correct(series, settings, cancel=cancel)
    for event in job:
        if isinstance(event, SlabReady) and not event.preview:
            if event.part == "measured":
                slabs.update(_kept_rows(event, series.image_shape[0]))
            else:
                added = _kept_rows(event, series.image_shape[0])
                if added:
                    measured = np.stack([slabs.pop(y) for y in added], axis=1)
                    meter.add(measured, np.stack(list(added.values()), axis=1))
        else:
            yield event
    return meter.result()


def _kept_rows(event: SlabReady, height: int) -> dict[int, Any]:
    """Some rows of a slab, evenly over the tomogram, so that it is never held whole."""
    step = max(height // ALTERATION_ROWS, 1)
    rows = range(event.y_start, event.y_stop)
    return {y: event.slab[:, i].copy() for i, y in enumerate(rows) if y % step == 0}


class _Evaluation:
    """The stages that share a network and a working series."""

    def __init__(
        self,
        series: TiltSeries,
        network: LBN,
        settings: EvaluationSettings,
        chosen: CorrectionPlan,
        cancel: CancelToken | None,
    ) -> None:
        self.series, self.network, self.settings = series, network, settings
        self.chosen, self.cancel = chosen, cancel
        self.shares = _shares(settings, chosen.measured_angles.size)

    def events(self, halves: Halves | None, folds: Sequence[Fold] | None) -> Job[dict[str, Any]]:
        """Every stage but the correction itself."""
        found: dict[str, Any] = {}
        if self.settings.geometry:
            found["geometry"] = yield from self._geometry()
        chosen = list(make_folds(self.series, self.settings)) if folds is None else list(folds)
        result = yield from self._hold_outs(halves, chosen)
        found["hold_outs"] = result
        found["verdicts"] = verdicts(result)
        if self.settings.subsets:
            found["disagreement"] = yield from self._disagreement()
        if self.settings.nulls:
            found["nulls"] = yield from self._nulls()
        return found

    def _geometry(self) -> Job[GeometryCheck]:
        checked = yield from check_geometry(
            self.series,
            self.chosen.thickness,
            fractions=self.shares["geometry"],
            cancel=self.cancel,
        )
        for finding in checked.findings:
            yield Notice(message=f"{finding.message} {finding.remedy}")
        return checked

    def _hold_outs(self, halves: Halves | None, folds: list[Fold]) -> Job[HoldOutResult]:
        correction = self.settings.correction
        return (
            yield from hold_out(
                self.series,
                folds,
                {LBN_NAME: lbn(self.network, {})},
                HoldOutSettings(
                    wbp=correction.for_wbp(),
                    synthesis=correction.for_synthesis(),
                    with_sirt=self.settings.sirt,
                ),
                halves=halves,
                fractions=self.shares["hold-outs"],
                cancel=self.cancel,
            )
        )

    def _disagreement(self) -> Job[Disagreement]:
        correction = self.settings.correction
        return (
            yield from disagreement(
                self.series,
                self.network,
                self.chosen.new_angles,
                DisagreementSettings(
                    wbp=correction.for_wbp(),
                    synthesis=correction.for_synthesis(),
                    subsets=self.settings.subsets,
                ),
                fractions=self.shares["disagreement"],
                cancel=self.cancel,
            )
        )

    def _nulls(self) -> Job[tuple[NullTest, ...]]:
        found = yield from null_tests(
            self.series,
            self.network,
            self.chosen.new_angles,
            self.settings.correction.for_synthesis(),
            fractions=self.shares["nulls"],
            cancel=self.cancel,
        )
        return tuple(found)


def with_scores(evaluation: Evaluation, more: HoldOutResult) -> Evaluation:
    """The same evaluation with scores of other programs beside, verdicts made anew."""
    own = evaluation.hold_outs
    ceilings = own.ceilings or more.ceilings
    joined = HoldOutResult(scores=own.scores + more.scores, ceilings=ceilings, sigmas=own.sigmas)
    return replace(evaluation, hold_outs=joined, verdicts=verdicts(joined))


def verdicts(result: HoldOutResult) -> dict[str, Verdict]:
    """A verdict for each kind of hold-out, and for each edge."""
    found: dict[str, Verdict] = {}
    for s in result.scores:
        key = s.fold if s.kind == "edge" else s.kind
        if key not in found:
            own = [o for o in result.scores if key in {o.fold, o.kind}]
            judged = verdict(own)
            if judged is not None:
                found[key] = judged
    return found


def _shares(settings: EvaluationSettings, n_tilts: int) -> dict[str, tuple[float, float]]:
    """Where each stage begins and ends, by rough cost in syntheses."""
    folds = n_tilts if settings.folds == 0 else max(settings.folds, 0)
    cost = {
        "geometry": 1.0 * settings.geometry,
        "hold-outs": 1.5 * (folds + len(settings.edges)) * (3 if settings.sirt else 1),
        "disagreement": 1.5 * settings.subsets,
        "nulls": 3.0 * settings.nulls,
        "alteration": 2.0 * settings.alteration,
    }
    total = sum(cost.values()) or 1.0
    ends = np.cumsum(list(cost.values())) / total
    starts = [0.0, *ends[:-1]]
    return {name: (float(a), float(b)) for name, a, b in zip(cost, starts, ends, strict=True)}

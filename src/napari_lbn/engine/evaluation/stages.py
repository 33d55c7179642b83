"""The stages of an evaluation that share a network and a working series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..events import Notice
from .cost import stage_shares
from .geometry_check import GeometryCheck, check_geometry
from .hold_out.run import HoldOutSettings, hold_out
from .hold_out.workers import encode_all, share_of_folds
from .null_tests import NullTest, null_tests
from .prediction.network import adapted_lbn, lbn
from .prediction.predictors import ADAPTED_NAME, LBN_NAME
from .result import verdicts
from .settings import make_folds
from .spread.disagreement import DisagreementSettings, disagreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..correct import CorrectionPlan
    from ..events import CancelToken, Job
    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .hold_out.folds import Fold
    from .hold_out.frame_halves import Halves
    from .hold_out.scores import HoldOutResult
    from .settings import EvaluationSettings
    from .spread.subsets import Disagreement

ENCODING = 0.05
"""Share of the hold-outs that encoding the tilts takes."""


class Stages:
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
        self.adaptations: list[dict[str, Any]] = []
        self.shares = stage_shares(settings, chosen)

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
        each = share_of_folds(self.chosen, self.settings.correction, len(folds))
        correction = replace(self.settings.correction, memory_bound=each.memory_bound)
        begin, end = self.shares["hold-outs"]
        middle = begin + ENCODING * (end - begin)
        latents = yield from encode_all(
            self.series,
            self.network,
            correction.for_synthesis(),
            each.workers,
            fractions=(begin, middle),
            cancel=self.cancel,
        )
        predictors = {LBN_NAME: lbn(self.network, latents)}
        if correction.adapt_minutes:
            wanted = correction.for_adaptation()
            predictors[ADAPTED_NAME] = adapted_lbn(self.network, wanted, self.adaptations)
        return (
            yield from hold_out(
                self.series,
                folds,
                predictors,
                HoldOutSettings(
                    wbp=correction.for_wbp(),
                    synthesis=correction.for_synthesis(),
                    with_sirt=self.settings.sirt,
                    workers=each.workers,
                ),
                halves=halves,
                fractions=(middle, end),
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
                    synthesis=correction.for_wedge(),
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
            self.settings.correction.for_wedge(),
            fractions=self.shares["nulls"],
            cancel=self.cancel,
        )
        return tuple(found)

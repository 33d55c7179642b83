"""What an evaluation found, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .hold_out.scores import HoldOutResult
from .hold_out.verdict import SIGNS_UNSEEN, Verdict, verdict_with_view

if TYPE_CHECKING:
    from ..correct import Alteration
    from ..tilt_series import TiltSeries
    from .geometry_check import GeometryCheck
    from .null_tests import NullTest
    from .spread.subsets import Disagreement


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
        lines = [
            f"{hold_out_title(kind)}: {v.sentence} {v.view_sentence}".rstrip()
            for kind, v in self.verdicts.items()
        ]
        return [*self.warnings, *lines, *self.notes]

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the series or its angles, with what to do."""
        findings = () if self.geometry is None else self.geometry.findings
        return [f"{f.message} {f.remedy}" for f in findings]

    @property
    def notes(self) -> list[str]:
        """What was measured beside the hold-outs, and what no hold-out can see."""
        lines = _told_adaptations(self.provenance.get("adaptations", []))
        if self.alteration is not None:
            lines.append(self.alteration.sentence)
        lines += [test.sentence for test in self.nulls]
        if self.disagreement is not None:
            lines.append(self.disagreement.sentence)
        return [*lines, SIGNS_UNSEEN]


def _told_adaptations(records: list[dict[str, Any]]) -> list[str]:
    """What adapted weights saw and did not see; nothing where none were adapted."""
    if not records:
        return []
    used = sum(bool(record["used"]) for record in records)
    sentence = (
        "Weights were adapted anew to the visible tilts of each fold, for at most "
        f"{records[0]['minutes']:g} min, and used in {used} of {len(records)}: hidden tilts took "
        "no part, but this is not zero-shot. Null tests and disagreement are of the weights as "
        "they were."
    )
    return [sentence]


def hold_out_title(kind: str) -> str:
    """What a kind of hold-out is called in front of users."""
    if kind.startswith("edge"):
        return f"Outermost {kind.removeprefix('edge ')}° hidden, next to the wedge"
    return "Between visible tilts" if kind == "k-fold" else "One tilt hidden at a time"


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
            judged = verdict_with_view(own)
            if judged is not None:
                found[key] = judged
    return found

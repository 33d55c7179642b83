"""The verdict of hold-outs in plain words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

from ..metrics import FULL, VIEW
from ..prediction.predictors import ADAPTED_NAME, LBN_NAME, WBP_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scores import Score

SIGNS_UNSEEN = (
    "No hold-out can see whether the sign of the angles is right, or a constant offset of "
    "them: inverted angles are an exact mirror in z, an offset is a rotation."
)
DOUBT = 0.05
"""Probability below which a count of wins is no accident."""
CLEAR_SHARE = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What hold-outs say about these weights on this series.

    Attributes
    ----------
    rank : str
        "better", "equal" or "worse" than the best baseline; "mixed" where LBN is worse than
        the best one and better than the WBP that it is to complete.
    sentence : str
        In plain words.
    baseline : str
        The best method other than LBN.
    wins, total : int
        Angles at which LBN correlates better than that baseline.
    in_view : str
        The same of the columns that show the field of view, in brief; see
        `metrics.field_of_view`. The rank is that of whole tilts.
    """

    rank: str
    sentence: str
    baseline: str
    wins: int
    total: int
    in_view: str = ""

    @property
    def view_sentence(self) -> str:
        """What is to be said of the field of view; empty where nothing was measured."""
        if not self.in_view:
            return ""
        return f"In the field of view, of which the tomogram is made: {self.in_view}."

    @property
    def brief(self) -> str:
        """In a few words, for a list of verdicts."""
        count = f"({self.wins} of {self.total})"
        doubt = "not" if 2 * self.wins < self.total else "not clearly"
        return {
            "better": f"better than {self.baseline} {count}",
            "equal": f"no better than {self.baseline} {count}",
            "mixed": f"better than {WBP_NAME}, {doubt} than {self.baseline} {count}",
            "worse": f"worse than {self.baseline} {count}: do not use",
        }[self.rank]


def verdict(
    scores: Sequence[Score], *, scale: str = FULL, method: str | None = None
) -> Verdict | None:
    """Compare LBN with the best other method on the hidden tilts; None without both.

    Where weights were adapted to the visible tilts of each fold, those are judged, and the
    weights as they were are no rival of theirs. In-sample rows do not take part. A few
    angles more or less are no verdict: the number of wins must be unlikely by accident
    (sign test), and two thirds of the angles.
    """
    fair = [s for s in scores if s.scale == scale and not s.in_sample]
    by_method: dict[str, dict[tuple[str, float], float]] = {}
    for s in fair:
        by_method.setdefault(s.method, {})[s.fold, s.angle] = s.correlation
    if method is None:
        method = ADAPTED_NAME if ADAPTED_NAME in by_method else LBN_NAME
    own = by_method.pop(method, None)
    for name in (LBN_NAME, ADAPTED_NAME):
        by_method.pop(name, None)
    if not own or not by_method:
        return None
    best = max(by_method, key=lambda name: float(np.mean(list(by_method[name].values()))))
    other = by_method[best]
    shared = [key for key in own if key in other]
    wins, total = sum(own[key] > other[key] for key in shared), len(shared)
    rank = _rank(wins, total)
    over_wbp = 0
    if rank != "better" and WBP_NAME in by_method and best != WBP_NAME:
        plain = by_method[WBP_NAME]
        over_wbp = sum(own[key] > plain.get(key, np.inf) for key in own)
        if _rank(over_wbp, total) == "better":
            rank = "mixed"
    sentence = {
        "better": f"{method} predicts tilts it has not seen better than {best} "
        f"at {wins} of {total} angles.",
        "equal": f"{method} predicts tilts it has not seen no better than {best} "
        f"(better at {wins} of {total} angles): what it adds is not supported here.",
        "mixed": f"{method} predicts tilts it has not seen better than {WBP_NAME} at {over_wbp} "
        f"of {total} angles, than {best} at only {wins}: take it with caution.",
        "worse": f"Worse: {method} beats {best} at only {wins} of {total} angles; "
        "do not use these weights on this series.",
    }[rank]
    return Verdict(rank=rank, sentence=sentence, baseline=best, wins=wins, total=total)


def verdict_with_view(scores: Sequence[Score]) -> Verdict | None:
    """`verdict` on whole tilts, with that on the field of view beside it."""
    whole, view = verdict(scores), verdict(scores, scale=VIEW)
    return replace(whole, in_view=view.brief) if whole and view else whole


def _rank(wins: int, total: int) -> str:
    if total == 0:
        return "equal"
    doubt = float(binomtest(wins, total).pvalue)
    # With a handful of angles no count is significant: unanimity has to do.
    significant = doubt < DOUBT or wins in {0, total}
    if significant and wins >= CLEAR_SHARE * total:
        return "better"
    if significant and wins <= (1 - CLEAR_SHARE) * total:
        return "worse"
    return "equal"

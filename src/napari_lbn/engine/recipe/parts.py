"""How far the whole is when one of its stages is so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..events import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..events import Job, Result
    from .series import Made

PARTS = {
    "common": (0.0, 0.5),
    "series": (0.5, 0.74),
    "validation": (0.74, 0.75),
    "details": (0.75, 0.82),
    "details/validation": (0.82, 0.83),
    "fine": (0.83, 0.93),
    "box": (0.93, 0.97),
    "box/validation": (0.97, 0.98),
    "box training": (0.98, 1.0),
}
"""Of the whole, where each stage begins and ends: about what they take."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Progress of stages as that of the whole.

    Attributes
    ----------
    first : str
        The stage that the whole begins with.
    """

    first: str = "common"

    def within(self, stage: str, job: Job[Result]) -> Job[Result]:
        """A job as a part of the whole: its fractions are fitted in."""
        try:
            while True:
                try:
                    event = next(job)
                except StopIteration as finished:
                    return finished.value
                if isinstance(event, Progress):
                    event = replace(event, fraction=self._fraction(stage, event.fraction))
                yield event
        finally:
            job.close()

    def counted(self, stage: str, title: str, made: Iterator[Made]) -> Job[None]:
        """Progress of files that are written."""
        for now in made:
            yield Progress(
                stage=title,
                done=now.done,
                total=now.total,
                fraction=self._fraction(stage, now.done / now.total),
            )

    def _fraction(self, stage: str, of_stage: float) -> float:
        begin, end = PARTS[stage]
        begins = PARTS[self.first][0]
        return (begin + (end - begin) * of_stage - begins) / (1 - begins)

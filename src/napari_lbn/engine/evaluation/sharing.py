"""Jobs inside jobs: their progress becomes a share of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..events import Job, Notice, Progress

Result = TypeVar("Result")


def shared(job: Job[Result], fractions: tuple[float, float], stage: str = "") -> Job[Result]:
    """Run a job as a part of another one, from one fraction to the other.

    Only its progress and notices pass on: its tilts and slabs are not the whole job's.

    Parameters
    ----------
    job : generator
        The part.
    fractions : tuple of float
        Where the part begins and ends.
    stage : str
        Replaces the part's own names of stages, where given.
    """
    start, stop = fractions
    try:
        while True:
            event = next(job)
            if isinstance(event, Progress):
                fraction = start + (stop - start) * min(max(event.fraction, 0.0), 1.0)
                yield replace(event, stage=stage or event.stage, fraction=fraction)
            elif isinstance(event, Notice):
                yield event
    except StopIteration as end:
        return end.value
    finally:
        job.close()


def part(fractions: tuple[float, float], done: float, total: float) -> float:
    """The fraction of the whole job after `done` of `total` steps of a part."""
    return fractions[0] + (fractions[1] - fractions[0]) * done / max(total, 1)

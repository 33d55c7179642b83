"""What long jobs tell while they run.

A job is a generator of these frozen events; its ``return`` value is the result. The
command line, the tests and the GUI consume the same generators. Arrays in events are
NumPy arrays in host memory, so that no event pins GPU memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from .errors import Cancelled

if TYPE_CHECKING:
    import numpy as np

CancelToken: TypeAlias = threading.Event
"""Set it from any thread; the job stops at its next check, and its ``finally`` blocks run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Event:
    """Base of every event. Compared by identity where events carry arrays."""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Work done so far in one stage of a job.

    Attributes
    ----------
    stage : str
        In the user's words: "Synthesizing tilts".
    done, total : int
        Steps of this stage.
    fraction : float
        Of the whole job, 0 to 1.
    """

    stage: str
    done: int
    total: int
    fraction: float


@dataclass(frozen=True, kw_only=True)
class Notice(Event):
    """Something that the user should know and that does not stop the job.

    Attributes
    ----------
    message : str
    severity : str
        "warning", or "information" where nothing is amiss.
    """

    message: str
    severity: str = "warning"


@dataclass(frozen=True, kw_only=True, eq=False)
class TiltReady(Event):
    """One tilt came out of the network.

    Attributes
    ----------
    index : int
        Row of the output list of angles.
    angle : float
        Degrees.
    image : numpy.ndarray
        ``(y, x)`` float32, in the input's intensity units.
    synthesized : bool
        True where no measured tilt exists at this angle; False for a re-projection at a
        measured angle, which is for checking only.
    """

    index: int
    angle: float
    image: np.ndarray
    synthesized: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class SlabReady(Event):
    """One slab of y of a tomogram is reconstructed.

    Attributes
    ----------
    part : str
        "measured" (plain WBP) or "synthesized" (what the synthesized tilts add), so that
        tomogram(alpha) = measured + alpha * synthesized; or "denoised", a tomogram of its
        own, of synthesized tilts at all angles; or "whole", of measured and synthesized tilts
        together.
    y_start, y_stop : int
        Rows of the tomogram, in pixels.
    slab : numpy.ndarray
        ``(z, y_stop - y_start, x)`` float32.
    preview : bool
        A quick result from a part of the rows, to be replaced by the full one.
    """

    part: str
    y_start: int
    y_stop: int
    slab: np.ndarray
    preview: bool = False


Result = TypeVar("Result")
Job: TypeAlias = Generator[Event, None, Result]


def drain(job: Job[Result], on_event: Callable[[Event], Any] | None = None) -> Result:
    """Run a job to its end and give its result.

    Parameters
    ----------
    job : generator
        The job.
    on_event : callable, optional
        Called with each event.
    """
    try:
        while True:
            event = next(job)
            if on_event is not None:
                on_event(event)
    except StopIteration as stop:
        return stop.value
    finally:
        job.close()


def passed_on(job: Job[Result], take: Callable[[Event], Any]) -> Job[Result]:
    """A job whose events something else takes first; what that raises ends the job."""
    try:
        while True:
            event = next(job)
            take(event)
            yield event
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        job.close()


def raise_if_cancelled(cancel: CancelToken | None) -> None:
    """Raise `Cancelled` once the token is set."""
    if cancel is not None and cancel.is_set():
        raise Cancelled

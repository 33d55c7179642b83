"""What `napari-lbn train` says while it runs, and how it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..progress import note

if TYPE_CHECKING:
    from napari_lbn.engine.events import Event
    from napari_lbn.engine.training.validation import Scores


class EpochLines:
    """One line for each epoch, and the curves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, event: Event) -> None:
        """Tell an event of the training."""
        from napari_lbn.engine.training.curves.plots import write_curves
        from napari_lbn.engine.training.folder.run import BaselinesReady, EpochFinished

        if isinstance(event, BaselinesReady):
            for name, scores in event.scores.items():
                note(f"{name}: {_scores(scores)}")
        elif isinstance(event, EpochFinished):
            best = ", the best epoch so far" if event.best else ""
            held = "" if event.scores is None else f", {_scores(event.scores)}"
            typer.echo(f"Epoch {event.epoch}: loss {event.loss:.4f}{held}{best}", err=True)
            write_curves(self._folder)


def _scores(scores: Scores) -> str:
    shown = " ".join(f"{value:.3f}" for value in scores.correlations)
    return f"held-out MSE {scores.mse:.4f}, correlation {shown} (full, 2x2, 4x4)"


class Stop(threading.Event):
    """Set by a signal, whose number it keeps."""

    number: int | None = None


@contextmanager
def stopping(*, quiet: bool = False) -> Iterator[Stop]:
    """A token that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends at once."""
    stop = Stop()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.number = number
        stop.set()
        if not quiet:
            typer.echo("Stopping after this step …", err=True)

    try:
        before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: somebody else's signals
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

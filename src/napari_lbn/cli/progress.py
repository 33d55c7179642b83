"""Run a job of the engine with its progress in the terminal (standard error)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from napari_lbn.engine.events import Event, Job

Result = TypeVar("Result")


def run_job(job: Job[Result], on_event: Callable[[Event], None] | None = None) -> Result:
    """Run a job to its end: a bar on a terminal, one line a stage elsewhere.

    Parameters
    ----------
    job : generator
        The job; closed at the end, however it ends.
    on_event : callable, optional
        Takes every event first.
    """
    from napari_lbn.engine.events import drain

    if not sys.stderr.isatty():
        return drain(job, _both(on_event, _Lines()))
    with _bar() as bar:
        return drain(job, _both(on_event, _BarUpdater(bar)))


def note(message: str) -> None:
    """Tell the user something that does not stop the work."""
    typer.echo(f"Note: {message}", err=True)


def _both(
    first: Callable[[Event], None] | None, second: Callable[[Event], None]
) -> Callable[[Event], None]:
    def call(event: Event) -> None:
        if first is not None:
            first(event)
        second(event)

    return call


class _Lines:
    """One line for each stage: for logs."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, event: Event) -> None:
        from napari_lbn.engine.events import Notice, Progress

        if isinstance(event, Notice):
            note(event.message)
        elif isinstance(event, Progress) and event.stage != self._stage:
            self._stage = event.stage
            typer.echo(f"{event.stage} …", err=True)


class _BarUpdater:
    """A bar for the whole job, named after its stage."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("Starting", total=1.0)

    def __call__(self, event: Event) -> None:
        from napari_lbn.engine.events import Notice, Progress

        if isinstance(event, Notice):
            self._bar.console.print(f"Note: {event.message}", markup=False, highlight=False)
        elif isinstance(event, Progress):
            self._bar.update(self._task, completed=event.fraction, description=event.stage)


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
    )

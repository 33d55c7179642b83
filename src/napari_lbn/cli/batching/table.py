"""Following a batch in the terminal: a table of what runs, a line for what has ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from .summary import write_summary
from .task import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.table import Table

    from .local import Update

QUEUED = "Queued"
WIDTH = 44
"""Columns that the title fits in, with hundreds of series."""


def follow(
    updates: Iterator[Update], total: int, folder: Path, before: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Show a batch until its end, and keep the summary on the disk up to date.

    Parameters
    ----------
    updates : iterator
        News of the tasks; closed at the end, however it comes.
    total : int
        Tasks to be done.
    folder : Path
        Of the summary.
    before : list of dict
        Records of series that were done already.

    Returns
    -------
    list of dict
        A record for each task.
    """
    if not sys.stderr.isatty():
        return _follow(updates, total, folder, before, lambda running, records: None)
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=2) as live:
        return _follow(
            updates,
            total,
            folder,
            before,
            lambda running, records: live.update(_table(running, records, total)),
        )


def _follow(
    updates: Iterator[Update], total: int, folder: Path, before: list[dict[str, Any]], show: Any
) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    running: dict[str, Update] = {}
    try:
        for update in updates:
            name = update.task.name
            if update.record is None:
                running[name] = update
            else:
                running.pop(name, None)
                records.append(update.record)
                typer.echo(f"[{len(records)}/{total}] {_line(update.record)}", err=True)
                write_summary(folder, before + records)
            show(running, records)
    finally:
        close = getattr(updates, "close", None)
        if close is not None:
            close()
    return records


def _line(record: dict[str, Any]) -> str:
    if record["status"] != DONE:
        return f"{record['name']}: failed. {record.get('message', '')}"
    found = record.get("hidden_correlation", {})
    figures = ", ".join(f"{method} {value:.3f}" for method, value in found.items())
    check = f"; hidden tilts: {figures}" if figures else ""
    return f"{record['name']}: done in {record['seconds']:.0f} s{check}"


def _table(running: dict[str, Update], records: list[dict[str, Any]], total: int) -> Table:
    from rich.table import Table

    failed = sum(record["status"] != DONE for record in records)
    title = f"{len(records) - failed} done, {failed} failed, {total - len(records)} to go"
    table = Table("Series", "Stage", "%", title=title, min_width=WIDTH)
    shown = [update for update in running.values() if update.stage != QUEUED]
    for update in shown or list(running.values())[:8]:
        table.add_row(update.task.name, update.stage, f"{100 * update.fraction:.0f}")
    return table

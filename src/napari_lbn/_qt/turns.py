"""Long jobs of a dock wait for one another: two at once would take twice the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import QObject

from .jobs import JobRunner


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A job that others wait for.

    Attributes
    ----------
    runner : JobRunner
    block : callable
        Takes the reason why the job cannot be started now; empty once it can.
    under_way : str
        The reason for the others.
    """

    runner: JobRunner
    block: Callable[[str], None]
    under_way: str


class OneAtATime(QObject):
    """Blocks every job while another one runs."""

    def __init__(self, turns: Sequence[Turn], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._turns = tuple(turns)
        for turn in self._turns:
            turn.runner.running_changed.connect(self._tell)

    def _tell(self, *_: object) -> None:
        running = [turn for turn in self._turns if turn.runner.running]
        for turn in self._turns:
            others = (other.under_way for other in running if other is not turn)
            turn.block(next(others, ""))

"""How long a job still takes, pauses left out."""

from __future__ import annotations

import time

TRUSTED_AFTER = 2.0
"""Seconds before the remaining time is worth telling."""


class Pace:
    """Seconds left, from the share that was done while this clock ran.

    It starts with the first share that it is told: a resumed training begins with one that
    somebody else's clock has seen, a correction with a preview that is no part of the whole.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new training begins, or an old one goes on."""
        self._began = time.monotonic()
        self._first: float | None = None
        self._last = 0.0
        self._paused_at: float | None = None

    def pause(self) -> None:
        """Stop the clock."""
        if self._paused_at is None:
            self._paused_at = time.monotonic()

    def go_on(self) -> None:
        """Start it again."""
        if self._paused_at is not None:
            self._began += time.monotonic() - self._paused_at
            self._paused_at = None

    def seconds_left(self, fraction: float) -> float | None:
        """Tell the share that is done; gives the seconds that the rest takes, once known."""
        if self._first is None:
            self._first, self._began = fraction, time.monotonic()
        elapsed = time.monotonic() - self._began
        done = fraction - self._first
        if done <= 0 or elapsed < TRUSTED_AFTER:
            return None
        return elapsed * (1 - fraction) / done

"""How far an estimated time can be trusted: what else runs on this machine."""

from __future__ import annotations

import time

LIKELY = (0.8, 1.6)
"""What corrections took, as parts of the estimate, on an otherwise idle machine."""
BUSY_SHARE = 0.5
"""Of the cores in use by other programs, from which jobs take noticeably longer."""
WATCHED = 0.1
"""Seconds."""


def likely_range(seconds: float, at_worst: float = 0.0) -> tuple[float, float]:
    """The shortest and the longest that an estimated time is likely to mean, in seconds.

    `at_worst` are seconds that only some series take, beside those.
    """
    low, high = LIKELY
    return seconds * low, (seconds + at_worst) * high


def share_of_others(watched: float = WATCHED) -> float:
    """Share of this machine's cores that other programs use, 0 to 1, seen for `watched` seconds.

    What this program itself does is left out, so that a job of ours that has just ended, or
    still runs, does not count against the next.
    """
    import psutil

    process = psutil.Process()
    idle, own, start = psutil.cpu_times().idle, process.cpu_times(), time.monotonic()
    time.sleep(watched)
    after = process.cpu_times()
    total = (time.monotonic() - start) * (psutil.cpu_count() or 1)
    used = total - (psutil.cpu_times().idle - idle)
    ours = after.user + after.system - own.user - own.system
    return min(max((used - ours) / total, 0.0), 1.0)


def is_busy() -> bool:
    """Whether other programs keep most of this machine's cores busy."""
    return share_of_others() > BUSY_SHARE

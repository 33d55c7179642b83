"""Why the dock's series cannot be checked now, or why a check has ended."""

from __future__ import annotations

from ..session import Session

NO_SERIES = "Open a tilt series first."
BUSY = "A correction is running."
NO_PLAN = "No weights fit this series yet."
CHANGED = "Stopped: tilts, angles or pixel size of the series were changed. Start again."
ANOTHER = "Stopped: another tilt series was chosen."
OUT_OF_DATE = "The verdict was of other tilts, angles or another pixel size. Check again."


def why_not(session: Session) -> str:
    """The reason, empty where nothing stands in the way."""
    if session.series is None:
        return NO_SERIES
    if session.obstacle or session.defect:
        return session.obstacle or session.defect
    if session.running:
        return BUSY
    return "" if session.planned is not None else (session.problem or NO_PLAN)

"""Why the dock's series cannot be checked now."""

from __future__ import annotations

from ..session import Session

NO_SERIES = "Open a tilt series first."
BUSY = "A correction is running."
NO_PLAN = "No weights fit this series yet."


def why_not(session: Session) -> str:
    """The reason, empty where nothing stands in the way."""
    if session.series is None:
        return NO_SERIES
    if session.obstacle or session.defect:
        return session.obstacle or session.defect
    if session.running:
        return BUSY
    return "" if session.planned is not None else (session.problem or NO_PLAN)

"""What checks tell the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

LISTED = 8
"""Tilts that a message names before it only counts."""


@dataclass(frozen=True)
class Finding:
    """Something about a tilt series that the user should know.

    Attributes
    ----------
    severity : "error" or "warning"
        An error spoils every result; a warning may.
    message : str
        What was found, and where.
    remedy : str
        What the user can do about it.
    """

    severity: Literal["error", "warning"]
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def name_tilts(angles: Iterable[float]) -> str:
    """The tilts at these angles, in words: "1 tilt (-57°)", "12 tilts (-60°, -57°, …)"."""
    named = [f"{angle:.4g}°" for angle in angles]
    more = ", …" if len(named) > LISTED else ""
    return f"{len(named)} tilt{'s' if len(named) > 1 else ''} ({', '.join(named[:LISTED])}{more})"

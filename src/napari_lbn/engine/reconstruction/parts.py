"""What a reconstruction tells that it is making."""

from __future__ import annotations

WHOLE = "whole"
"""Part of `SlabReady`: of measured and synthesized tilts together."""


def part_in_words(part: str) -> str:
    """For `Progress`: the tomogram, or which part of it."""
    return "the tomogram" if part == WHOLE else f"the {part} part of the tomogram"

"""What is wrong with an ``.aln`` file that its library refuses, in plain words."""

from __future__ import annotations

TITLE = "# AreTomo Alignment"
ENTRIES = {
    "# RawSize": 3,
    "# NumPatches": 1,
    "# DarkFrame": 3,
    "# AlphaOffset": 1,
    "# BetaOffset": 1,
}
"""Numbers that an entry needs at least."""
GLOBAL, LOCAL = "# SEC", "# Local Alignment"
ROW_LENGTHS = {GLOBAL: 10, LOCAL: 7}
"""Numbers of a row, by the line that begins its table."""
LONGEST = 60
"""Characters of a line that is quoted."""


def what_is_wrong(text: str) -> str:
    """Half a sentence that names the line, or what is absent."""
    for entry in (TITLE, "# RawSize"):
        if entry not in text:
            return f"there is no line “{entry} …”"
    needed = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(tuple(ROW_LENGTHS)):
            needed = next(n for start, n in ROW_LENGTHS.items() if line.startswith(start))
        wrong = _wrong_numbers(line, needed)
        if wrong:
            return f"line {number}, “{line.strip()[:LONGEST]}”, {wrong}"
    return "its lines are not those of the format"


def _wrong_numbers(line: str, needed: int) -> str:
    """What is wrong with the numbers of a line; empty where nothing is, or it needs none."""
    values = line
    if line.startswith("#"):
        needed = next((n for start, n in ENTRIES.items() if line.startswith(start)), 0)
        values = line.partition("=")[2]
    if not needed or not line.strip():
        return ""
    words = values.split()
    odd = next((word for word in words[:needed] if not _is_number(word)), "")
    if odd:
        return f"holds “{odd}”, which is not a number"
    return "is cut short" if len(words) < needed else ""


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True

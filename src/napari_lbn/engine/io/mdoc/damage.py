"""What is wrong with an ``.mdoc`` file that its library refuses, in plain words."""

from __future__ import annotations

from typing import Any

LONGEST = 60
"""Characters of a line that is quoted."""
HEADERS = ("[ZValue", "[MontSection", "[FrameSet")
"""Beginnings of the lines that begin a section."""
WRONG = {
    "int": "is not a whole number",
    "float": "is not a number",
    "missing": "has too few values",
}
"""By the beginning of pydantic's name for it."""
ODD, EMPTY = "cannot be understood", "has no value"


def what_is_wrong(text: str, error: Exception) -> str:
    """Half a sentence that names the line.

    Parameters
    ----------
    text : str
        Of the file.
    error : Exception
        Of the library: pydantic's for values, anything for lines that are none of the format's.
    """
    refused = _refused_field(error)
    if refused is None:
        return _odd_line(text)
    field, value, wrong = refused
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, given = line.strip().strip("[]").partition("=")
        if equals and field in (key.strip(), f"{key.strip()}s") and _holds(given.split(), value):
            return f"{_quoted(number, line)}: {field} {wrong if given.strip() else EMPTY}"
    return f"{field} {wrong}"


def _refused_field(error: Exception) -> tuple[str, Any, str] | None:
    """Name, value as given, and what is wrong with it; None for other errors than pydantic's."""
    details: Any = getattr(error, "errors", None)
    if not callable(details):
        return None
    first = details()[0]
    kind = str(first["type"])
    wrong = next((text for start, text in WRONG.items() if kind.startswith(start)), ODD)
    return str(first["loc"][0]), first["input"], wrong


def _holds(words: list[str], value: Any) -> bool:
    """Whether a line with these words gave a value, the whole of it or one of its numbers."""
    if not isinstance(value, str):
        return words == list(value)
    return set(value.split()) <= set(words) if value else not words


def _odd_line(text: str) -> str:
    """The first line of the head that is not NAME = VALUE."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(HEADERS):
            break
        if line and not line.startswith(("[T", "T =")) and line.count("=") != 1:
            return f"{_quoted(number, line)} is not of the form NAME = VALUE"
    return "its lines are not those of the format"


def _quoted(number: int, line: str) -> str:
    return f"line {number}, “{line.strip()[:LONGEST]}”"

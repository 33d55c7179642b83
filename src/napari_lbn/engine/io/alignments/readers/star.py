"""STAR files as tables of text."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any, TypeAlias

from ....errors import InputError
from ...files.text_input import read_text

if TYPE_CHECKING:
    from pathlib import Path

Tables: TypeAlias = dict[str, dict[str, list[str]]]
"""Columns by name, in tables by name."""


def read_star(path: Path) -> Tables:
    """The tables of a STAR file, each a column of text by name; a list of items is one row."""
    import starfile

    text = read_text(path, "RELION .star file")
    if "data_" not in text:
        raise InputError(f"{path} is not a STAR file: it has no data block.", "Copy it again.")
    try:
        blocks = starfile.read(path, always_dict=True, parse_as_string=_names(text))
        return {str(name): _columns(block) for name, block in blocks.items()}
    except Exception as error:  # pandas' and the parser's own
        raise InputError(
            f"{path} is not a whole STAR file: {_what_is_wrong(text)}.", "Copy the file again."
        ) from error
    finally:
        linecache.clearcache()  # the parser reads through it, and would not see a corrected file


def _names(text: str) -> list[str]:
    """Every label of the file: numbers are read here, where a wrong one can be named."""
    words = (line.split()[0] for line in text.splitlines() if line.startswith("_"))
    return sorted({word[1:] for word in words})


def _what_is_wrong(text: str) -> str:
    """Half a sentence that names the first row of a table that is too short or too long."""
    labels = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith(("data_", "loop_")):
            labels = 0
        elif words[0].startswith("_"):
            labels += 1
        elif labels and not line.startswith("#") and len(words) != labels:
            return f"line {number} has {len(words)} values for {labels} columns"
    return "its lines are not those of the format"


def _columns(block: Any) -> dict[str, list[str]]:
    if isinstance(block, dict):
        return {str(name): [str(value)] for name, value in block.items()}
    return {str(name): [str(value) for value in block[name]] for name in block.columns}

"""STAR files as tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ....errors import InputError
from ...text_input import read_text

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
        reason = " ".join(str(error).split())[:150]
        raise InputError(
            f"{path} is not a whole STAR file: {reason}.", "Copy the file again."
        ) from error


def _names(text: str) -> list[str]:
    """Every label of the file: numbers are read here, where a wrong one can be named."""
    words = (line.split()[0] for line in text.splitlines() if line.startswith("_"))
    return sorted({word[1:] for word in words})


def _columns(block: Any) -> dict[str, list[str]]:
    if isinstance(block, dict):
        return {str(name): [str(value)] for name, value in block.items()}
    return {str(name): [str(value) for value in block[name]] for name in block.columns}

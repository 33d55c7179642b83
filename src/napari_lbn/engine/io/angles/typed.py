"""Tilt angles as people type and paste them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUS_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})
SEPARATORS = re.compile(r"[\s,;°\[\](){}]+")
"""Brackets too: lists are copied out of programs."""
LONGEST = 20
"""Characters of a word that an error repeats."""


def parse_typed_angles(text: str) -> NDArray[np.float64]:
    """Tilt angles separated by commas, semicolons, spaces or new lines.

    Parameters
    ----------
    text : str
        Degrees with a decimal point; ``#`` begins a remark. Minus signs of word processors,
        degree signs and brackets do no harm.

    Returns
    -------
    ndarray
        ``(n,)`` degrees in the order of the text; empty where it holds none.

    Raises
    ------
    InputError
        Something that is not a number, or that is none of a tilt angle; its place is named.
    """
    lines = (line.partition("#")[0] for line in text.translate(MINUS_SIGNS).splitlines())
    words = [word for line in lines for word in SEPARATORS.split(line) if word]
    return np.array([_angle(word, place) for place, word in enumerate(words, 1)], np.float64)


def _angle(word: str, place: int) -> float:
    shown = word if len(word) <= LONGEST else f"{word[:LONGEST]}…"
    try:
        value = float(word)
    except ValueError as error:
        raise InputError(
            f"“{shown}”, entry {place} of the list, is not a number.",
            "Write degrees with a decimal point, separated by spaces, commas or new lines.",
        ) from error
    if not abs(value) <= 90:  # NaN too
        raise InputError(
            f"“{shown}”, entry {place} of the list, is no tilt angle.",
            "Tilt angles lie between −90° and 90°.",
        )
    return value

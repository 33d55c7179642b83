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
MOST = 100_000
"""Steps of a range: more are a slip of the keyboard."""
NOT_WHOLE = 1e-6
"""Of a step by which the last angle may be missed, for rounding."""


def parse_typed_angles(text: str) -> NDArray[np.float64]:
    """Tilt angles separated by commas, semicolons, spaces or new lines.

    Parameters
    ----------
    text : str
        Degrees with a decimal point; ``FIRST:STEP:LAST`` stands for all angles on the way; ``#``
        begins a remark. Minus signs of word processors, degree signs and brackets do no harm.

    Returns
    -------
    ndarray
        ``(n,)`` degrees in the order of the text; empty where it holds none.

    Raises
    ------
    InputError
        Something that is not a number, or that is none of a tilt angle, or steps that do not
        end at the last angle; its place is named.
    """
    lines = (line.partition("#")[0] for line in text.translate(MINUS_SIGNS).splitlines())
    words = [word for line in lines for word in SEPARATORS.split(line) if word]
    angles = [_range(word, place) for place, word in enumerate(words, 1)]
    return np.concatenate(angles) if angles else np.zeros(0)


def _range(word: str, place: int) -> NDArray[np.float64]:
    """The angles of an entry: one, or ``FIRST:STEP:LAST``."""
    if ":" not in word:
        return np.array([_angle(word, place)])
    parts = word.split(":")
    if len(parts) != len(("first", "step", "last")):
        raise _no_range(word, place)
    first, step, last = (_angle(part, place) for part in parts)
    steps = (last - first) / step if step else -1.0
    if not 0 <= steps < MOST or abs(steps - round(steps)) > NOT_WHOLE:
        raise _no_range(word, place)
    return np.linspace(first, last, round(steps) + 1)


def _no_range(word: str, place: int) -> InputError:
    return InputError(
        f"“{_shown(word)}”, entry {place} of the list, does not step from one angle to another.",
        "Write FIRST:STEP:LAST in degrees, like -60:3:60.",
    )


def _shown(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}…"


def _angle(word: str, place: int) -> float:
    shown = _shown(word)
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

"""IMOD's text files: transformations, and the directives of command files and ``.edf``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....errors import InputError
from ...files.text_input import read_number, read_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS_PER_LINE = 6
DISTORTION = 1e-3
"""Stretch or skew of a transformation that is told: 2 pixels at the edge of 4096."""


def read_xf(path: str | Path) -> NDArray[np.float64]:
    """Transformations ``(n, 6)``: A11 A12 A21 A22 DX DY, raw to aligned, shifts in pixels.

    Raises
    ------
    InputError
        No such file, or a line that is not six numbers.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(read_text(path, "IMOD transformation file").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != NUMBERS_PER_LINE:
            raise InputError(
                f"{path}, line {number}: {len(words)} numbers where a transformation has six.",
                "Give IMOD's .xf of global alignment, not its local one.",
            )
        rows.append([read_number(word, path, f"line {number}") for word in words])
    if not rows:
        raise InputError(f"{path} holds no transformation.", "Align the series again.")
    return np.array(rows)


def decompose(
    transformations: NDArray[np.float64], path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Rotations (degrees) and magnifications of ``.xf`` lines, and what they do not hold.

    The nearest rotation with one magnification, in the sense of least squares.
    """
    a11, a12, a21, a22 = transformations[:, :4].T
    if np.any(a11 * a22 - a12 * a21 <= 0):
        raise InputError(f"{path}: a transformation mirrors or flattens its image.")
    cosine, sine = (a11 + a22) / 2, (a21 - a12) / 2
    scale = np.hypot(cosine, sine)
    rest = np.hypot((a11 - a22) / 2, (a12 + a21) / 2)
    told = []
    if rest.max() > DISTORTION:
        told.append(
            f"{path.name}: stretch or skew of up to {100 * rest.max():.2g} % is not applied."
        )
    return np.degrees(np.arctan2(sine, cosine)), scale, told


def read_command_file(path: str | Path) -> dict[str, str]:
    """The directives of ``newst.com`` or ``tilt.com``, their names in capitals.

    Both spellings of standard input are known: ``NAME value`` and ``NAME=value``. Of a
    directive that is given twice, the values are joined by commas.
    """
    entries: dict[str, str] = {}
    for line in read_text(path, "IMOD command file").splitlines():
        text = line.strip()
        if not text or text[0] in "$#":
            continue
        name, _, value = text.replace("=", " ", 1).replace("\t", " ").partition(" ")
        key = name.upper()
        entries[key] = f"{entries[key]},{value.strip()}" if key in entries else value.strip()
    return entries


def read_edf(path: str | Path) -> dict[str, str]:
    """The properties of an Etomo data file."""
    entries = {}
    for line in read_text(path, "Etomo data file").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            entries[name.strip()] = value.strip()
    return entries


def numbers_of(entries: dict[str, str], name: str, path: Path, count: int) -> list[float] | None:
    """`count` numbers of a directive, missing ones 0; None where it is absent or has none.

    IMOD writes "/" for the values that it is to choose.
    """
    words = entries.get(name, "").partition("/")[0].replace(",", " ").split()[:count]
    if not words:
        return None
    values = [read_number(word, path, name) for word in words]
    return values + [0.0] * (count - len(values))

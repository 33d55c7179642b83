"""Small text files beside the images: tilt angles and provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic import atomic_path

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FINE_ANGLE = 5e-4
"""Degrees; angles that two decimals do not hold to this are written with three."""


def write_tilt_angles(path: str | Path, angles: ArrayLike) -> Path:
    """Write a ``.tlt`` file: one angle in degrees a line, two decimals or three where needed.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    values = np.asarray(angles, dtype=np.float64).ravel()
    coarse = bool(np.all(np.abs(np.round(values, 2) - values) < FINE_ANGLE))
    lines = [f"{value:7.2f}\n" if coarse else f"{value:8.3f}\n" for value in values + 0.0]
    return write_text(path, "".join(lines))


def write_provenance(path: str | Path, provenance: dict[str, Any]) -> Path:
    """Write what a result was made from, as JSON beside it.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    return write_text(path, json.dumps(_plain(provenance), indent=2, ensure_ascii=False) + "\n")


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file whole or not at all, in UTF-8.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


def _plain(value: Any) -> Any:
    """The same value in types that JSON knows; numbers that are not finite become None."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return _plain(sorted(value))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

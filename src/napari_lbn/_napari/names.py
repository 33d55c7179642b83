"""Names of result layers: those that the program gave follow it, those of the user stay."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

_GIVEN: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""The name that each result layer was given by the program."""


def note_name(layer: Any, name: str = "") -> None:
    """Remember a name as given by the program, by default the one that the layer has.

    napari itself numbers names that are there already.
    """
    _GIVEN[layer] = name or layer.name


def rename(layer: Any, name: str) -> None:
    """Give a layer a name, unless the user has given it another."""
    if not name_of_user(layer):
        layer.name = name
        note_name(layer)


def name_of_user(layer: Any | None) -> str:
    """The name that the user gave a layer; empty where it has the program's, or is None."""
    if layer is None or _GIVEN.get(layer, layer.name) == layer.name:
        return ""
    return str(layer.name)

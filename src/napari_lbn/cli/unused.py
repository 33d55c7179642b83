"""Options that would do nothing beside the others: refused, as silence would be taken for a yes."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from napari_lbn.engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Container


def given(options: Any, but: Container[str] = ()) -> list[str]:
    """Options of a dataclass that are not as by default, as they are typed.

    Parameters
    ----------
    options : dataclass
        Of options.
    but : container of str
        Names of fields that do not count.
    """
    return [
        "--" + field.name.strip("_").replace("_", "-")
        for field in fields(options)
        if field.name not in but and getattr(options, field.name) != field.default
    ]


def refuse(typed: list[str], where: str, remedy: str) -> None:
    """Raise `InputError` if options were typed that do nothing there."""
    if typed:
        do = "does" if len(typed) == 1 else "do"
        raise InputError(f"{', '.join(typed)} {do} nothing {where}.", remedy)

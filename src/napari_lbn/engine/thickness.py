"""How thick a tomogram may be."""

from __future__ import annotations

from .errors import InputError

THICKEST_WIDTHS = 4
THICKEST_PX = 2000
"""A tomogram may always be this thick, and else as many times the image width."""


def require_thickness(thickness: int | None, width: int, name: str) -> None:
    """Refuse a thickness that no specimen has: a slip of the keyboard would run for days.

    Parameters
    ----------
    thickness : int or None
        Pixels; None is not checked.
    width : int
        Pixels along x of the tilts, at the same pixel size.
    name : str
        Of the series, for the message.

    Raises
    ------
    InputError
        More than 4 times the width and more than 2000 pixels.
    """
    limit = max(THICKEST_WIDTHS * width, THICKEST_PX)
    if thickness is not None and thickness > limit:
        raise InputError(
            f"A thickness of {thickness} pixels is far more than {name} is wide ({width} pixels).",
            f"Give at most {limit}; specimens are some 100 to 300 nm thick.",
        )

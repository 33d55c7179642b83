"""What a viewer does for tilt series, once it has one."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from .angle_text import AngleText
from .framing import Framing
from .tilt_contrast import TiltContrast


class TiltDisplay:
    """Angle text, contrast and framing of one viewer."""

    def __init__(self, viewer: Any) -> None:
        self.text = AngleText(viewer)
        self.contrast = TiltContrast(viewer)
        self.framing = Framing(viewer)


_DISPLAYS: WeakKeyDictionary[Any, TiltDisplay] = WeakKeyDictionary()


def tilt_display(viewer: Any) -> TiltDisplay:
    """The display of this viewer, kept up to date from now on; one a viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Or the proxy of it that plugins are given.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _DISPLAYS:
        _DISPLAYS[viewer] = TiltDisplay(viewer)
    return _DISPLAYS[viewer]

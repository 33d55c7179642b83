"""Keys of the viewer that a dock answers."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


def bind_key(viewer: Any, key: str, method: Callable[[], object]) -> None:
    """Let a key of the viewer call a method, without keeping the method's object alive."""
    reference = weakref.WeakMethod(method)

    def pressed(_: Any) -> None:
        alive = reference()
        if alive is not None:
            alive()

    viewer.bind_key(key, pressed, overwrite=True)

"""What came of the tilt series of a viewer: it outlives the dock, as the layers that show it do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from .options import Options


@dataclass
class _Entry:
    """Of one tilt series: a correction with its layers, a disagreement's layers, a check."""

    layer: Any
    result: Any = None
    layers: Any = None
    spread: Any = None
    check: Any = None


class Kept:
    """Results by the layer of their tilt series, until no layer shows them any more.

    Attributes
    ----------
    options : Options or None
        What the user asked for last, for a dock that is opened again.
    """

    def __init__(self) -> None:
        self.options: Options | None = None
        self._entries: dict[int, _Entry] = {}

    def correction(self, layer: Any) -> tuple[Any, Any]:
        """Result and layers of a tilt series' correction; None, None where there is none."""
        entry = self._entries.get(id(layer), _Entry(layer))
        return entry.result, entry.layers

    def spread(self, layer: Any) -> Any:
        """Layers of a tilt series' disagreement; None where there is none."""
        return self._entries.get(id(layer), _Entry(layer)).spread

    def check(self, layer: Any) -> Any:
        """What a check of a tilt series has found; None where there was none."""
        return self._entries.get(id(layer), _Entry(layer)).check

    def keep_correction(self, layer: Any, result: Any, layers: Any) -> None:
        """Keep what came of a tilt series; None, None for nothing."""
        entry = self._entry(layer)
        entry.result, entry.layers = result, layers

    def keep_spread(self, layer: Any, spread: Any) -> None:
        """Keep the layers of a disagreement; None for none."""
        self._entry(layer).spread = spread

    def keep_check(self, layer: Any, found: Any) -> None:
        """Keep what a check of a tilt series has found; None for nothing."""
        self._entry(layer).check = found

    def tidy(self, present: Any) -> None:
        """Forget what belonged to layers that are no longer among those that are present."""
        self._entries = {k: e for k, e in self._entries.items() if e.layer in present}
        for entry in self._entries.values():
            if entry.layers is not None and not entry.layers.present():
                entry.result = entry.layers = None
            if entry.spread is not None and not entry.spread.current():
                entry.spread = None

    def _entry(self, layer: Any) -> _Entry:
        return self._entries.setdefault(id(layer), _Entry(layer))


_KEPT: WeakKeyDictionary[Any, ReferenceType[Kept]] = WeakKeyDictionary()


def kept_of(viewer: Any) -> Kept:
    """What is kept for this viewer, which is told of the layers that the user removes.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Not kept alive by this.
    """
    known = _KEPT.get(viewer)
    kept = None if known is None else known()
    if kept is not None:
        return kept
    made = Kept()
    here = ref(viewer)

    # The viewer's list of callbacks alone holds what was made, so that both go together.
    def tidy(event: Any = None) -> None:
        alive = here()
        if alive is not None:
            made.tidy(alive.layers)

    viewer.layers.events.removed.connect(tidy)
    _KEPT[viewer] = ref(made)
    return made

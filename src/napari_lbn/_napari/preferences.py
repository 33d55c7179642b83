"""The plugin's page in napari's Preferences, read in this one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLUGIN = "napari-lbn"
BYTES_PER_GB = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What the user set for all runs.

    Attributes
    ----------
    device : str
        "auto" or a device name.
    weights_folder : Path or None
        Folder with weights of the user's own, offered beside the bundled ones.
    memory_bound : int or None
        Bytes that a run may use; None chooses by the machine.
    """

    device: str = "auto"
    weights_folder: Path | None = None
    memory_bound: int | None = None


def read_preferences() -> Preferences:
    """The Preferences as they are now; the defaults where the plugin is not registered."""
    computing = _computing()
    if computing is None:
        return Preferences()
    folder = str(computing.weights_folder).strip()
    gigabytes = float(computing.memory_bound)
    return Preferences(
        device=str(computing.device).strip() or "auto",
        weights_folder=Path(folder).expanduser() if folder else None,
        memory_bound=round(gigabytes * BYTES_PER_GB) if gigabytes > 0 else None,
    )


def on_change(function: Callable[[Any], None]) -> Callable[[], None]:
    """Call a function with an event whenever the Preferences change; gives what ends that.

    Napari changes them with every letter that is typed.
    """
    computing = _computing()
    if computing is None:
        return lambda: None
    computing.events.connect(function)
    return lambda: computing.events.disconnect(function)


def _computing() -> Any:
    """The page's values; None where the plugin is not registered."""
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings(PLUGIN).computing
    except (KeyError, AttributeError):  # run from a source tree that was never installed
        return None

"""What a training has left in its folder. No Qt here; torch is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_run(folder: Path) -> Any:
    """The `RunSummary` of a folder."""
    from napari_lbn.engine.training.folder.summary import summarise

    return summarise(folder)


def save_as(weights: Any, file: Path) -> Path:
    """Write kept weights under another name."""
    from napari_lbn.engine.io.weights.file import load_network, save_weights
    from napari_lbn.engine.io.weights.info import read_weights_info

    info = read_weights_info(weights.path)
    save_weights(
        file,
        load_network(info),
        name=file.stem,
        pixel_sizes=info.pixel_sizes,
        summary=info.summary,
    )
    return file

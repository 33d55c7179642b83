"""What weights files are called in lists and sentences."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

PLAIN_NAMES = ("best", "epoch_")


def name_file(file: str) -> str:
    """A weights file's name, with its folder's where every training has one of that name."""
    path = Path(urlsplit(file).path if file.startswith(("http://", "https://")) else file)
    return f"{path.parent.name}/{path.name}" if path.name.startswith(PLAIN_NAMES) else path.name

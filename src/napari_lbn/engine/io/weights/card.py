"""The model card inside a weights file, put there without touching a tensor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...errors import WeightsError
from ..files.atomic import atomic_path
from .info import MAX_HEADER, read_weights_info

if TYPE_CHECKING:
    from pathlib import Path

ALIGNMENT = 8
"""A safetensors header is padded with spaces to a multiple of this."""


def embed_card(path: Path, card: str) -> None:
    """Write a model card into a weights file, in the place of an older one; atomic.

    Parameters
    ----------
    path : Path
        Weights of this program. Only the header changes: tensors stay as they are.
    card : str
        Markdown.

    Raises
    ------
    WeightsError
        Not a weights file, or a card too long for a header.
    """
    read_weights_info(path)  # refuses what is foreign or damaged
    blob = path.read_bytes()
    length = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + length])
    header["__metadata__"]["card"] = card
    packed = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    packed += b" " * (-len(packed) % ALIGNMENT)
    if len(packed) > MAX_HEADER:
        raise WeightsError(f"{path}: a model card of {len(card)} characters is too long.")
    with atomic_path(path) as temporary:
        temporary.write_bytes(len(packed).to_bytes(8, "little") + packed + blob[8 + length :])

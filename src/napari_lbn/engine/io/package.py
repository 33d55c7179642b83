"""What the readers of all packages give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ..alignment.model import Alignment


@dataclass(frozen=True, kw_only=True)
class AlignmentFiles:
    """An alignment and the images that it speaks of.

    Attributes
    ----------
    alignment : Alignment
    stack : Path or None
        The raw stack, where it was found.
    images : tuple of Path
        Single images, one a section, where the package keeps no stack.
    """

    alignment: Alignment
    stack: Path | None = None
    images: tuple[Path, ...] = ()

"""What the readers of all packages give, and what their writers take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from pathlib import Path

    from ...alignment.model import Alignment

Package: TypeAlias = Literal["imod", "aretomo", "relion", "warp", "portal"]
PACKAGES: tuple[Package, ...] = get_args(Package)
THICKNESS = 2000.0
"""Å."""
PORTAL_ROWS = "per_section_alignment_parameters"
PORTAL_NAME = "alignment_metadata.json"
"""What the portal itself calls them, in a folder of their own."""
PORTAL_ENDING = "_alignment"
"""Of the portal's files as we write them: NAME.json is the record of a correction."""


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
    name : str or None
        Of the series, where it is not that of the stack.
    """

    alignment: Alignment
    stack: Path | None = None
    images: tuple[Path, ...] = ()
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class StackFacts:
    """What the files say about the images that they speak of.

    Attributes
    ----------
    name : str
        File name of the stack, as it lies beside the files that are written.
    shape : tuple of int
        (sections, y, x).
    pixel_size : float
        Å.
    """

    name: str
    shape: tuple[int, int, int]
    pixel_size: float

    @property
    def thickness(self) -> int:
        """Of a tomogram, in pixels: 200 nm, as corrections have by default."""
        return max(round(THICKNESS / self.pixel_size), 1)


@dataclass(frozen=True, kw_only=True)
class WrittenAlignment:
    """What was written, and what the form could not carry."""

    files: tuple[Path, ...]
    told: tuple[str, ...]

"""The files in which alignment programs keep their results, read and written."""

from .files import PACKAGES, AlignmentFiles, Package, StackFacts, WrittenAlignment
from .read import is_alignment, read_alignment
from .write import not_carried, write_alignment, write_series_alignment

__all__ = [
    "PACKAGES",
    "AlignmentFiles",
    "Package",
    "StackFacts",
    "WrittenAlignment",
    "is_alignment",
    "not_carried",
    "read_alignment",
    "write_alignment",
    "write_series_alignment",
]
